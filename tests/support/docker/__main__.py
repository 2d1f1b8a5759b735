"""Command that starts and stops a Docker engine: ``PYTHONPATH=tests python -m support.docker COMMAND``.

install        install the Debian packages that are missing
start FOLDER   start an engine with its files in FOLDER, and print the variables that make docker use it
stop FOLDER    remove its containers and stop it; the images remain in FOLDER
"""

import sys
from pathlib import Path

from support.docker import programs
from support.docker.engine import Engine
from support.docker.programs import EngineUnavailable


def main() -> str | None:
    """Run the command in the arguments. Return an error message, or None."""
    try:
        match sys.argv[1:]:
            case ["install"]:
                programs.install()
            case ["start", folder]:
                docker = Engine(Path(folder)).start()
                variables = {name: docker.environment[name] for name in ("DOCKER_CONFIG", "DOCKER_BUILDKIT")}
                for name in ("DOCKER_HOST", "RINGBACK_TEST_DOCKER_HOST"):
                    variables[name] = docker.host
                print(*(f"export {name}={value}" for name, value in variables.items()), sep="\n")  # noqa: T201
            case ["stop", folder]:
                Engine(Path(folder)).stop()
            case _:
                return __doc__
    except EngineUnavailable as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main())
