"""The commands of the command line: ``serve``, ``migrate``, ``ready`` and ``env``."""
