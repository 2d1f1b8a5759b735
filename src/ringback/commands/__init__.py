"""The commands of the command line: ``serve``, ``env``, ``ready``, ``seed`` and ``migrate``."""
