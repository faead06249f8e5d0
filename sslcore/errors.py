"""The one kind of error that is the user's to fix."""


class UserError(ValueError):
    """A problem with what the user gave us: one sentence naming the problem and the remedy.

    The command line prints it on one line and exits with 2; the app shows it in a box.
    Anything else that is raised is a defect of ours.
    """
