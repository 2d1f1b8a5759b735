"""The exit statuses of the commands."""

from ringback.server.console import print_error

OK, FAILED, WRONG_USAGE, TASK_FAILED = 0, 1, 2, 70
EXIT_STATUSES = (
    "Exit status: 0 success; 1 failure, such as a port or database in use; 2 invalid option or setting;"
    " 70 the server stopped because a background task failed too often."
)


def fail(status: int, *messages: str) -> int:
    """Print messages for the user, and return the exit status."""
    print_error(*messages)
    return status
