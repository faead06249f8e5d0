"""Self-distillation: predict a teacher that is oneself."""
