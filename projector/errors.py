"""What can go wrong, as one tree: a message says what failed, with the value, and what to do."""


class ProjectorError(Exception):
    """Root of all errors that an operator can act on; its text is one clear line."""


class SettingsError(ProjectorError):
    """A setting is missing or has a value that cannot be used."""


class DatabaseUnavailable(ProjectorError):
    """PostgreSQL cannot be reached, or refuses us."""


class RedisUnavailable(ProjectorError):
    """Redis cannot be reached, or refuses us."""


class NotInstalled(ProjectorError):
    """The database has no (or another) installation of projector."""


class InstallError(ProjectorError):
    """The ERP's database does not allow an installation, or not all of it; the message says what was done."""


class DefinitionError(ProjectorError):
    """A file under sql/sections says something that cannot be used."""


class BadInput(ProjectorError):
    """A command was given a value that it cannot take."""


class NoDocument(ProjectorError):
    """Redis holds no such document; the message says whether there will be one."""


class ServeError(ProjectorError):
    """A process cannot listen where it was asked to."""


def cannot_listen(host: str, port: int, reason: str, choice: str) -> ServeError:
    """`choice` is what decides where: options or settings."""
    return ServeError(
        f"Cannot listen on {host}:{port} ({reason}). Choose another {choice}, or stop the program that uses it."
    )


def one_line(error: BaseException) -> str:
    """What an error says, in one line; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
