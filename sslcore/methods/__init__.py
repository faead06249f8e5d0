"""One file per method; the folders are the families of the field."""
