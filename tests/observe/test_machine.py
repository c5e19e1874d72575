"""Limits of a container, read from trees of files as kernels lay them out."""

from pathlib import Path

import pytest

from mooring.observe.machine import Machine, this_machine

GIB = 1 << 30


def tree(root: Path, files: dict[str, str]) -> Path:
    """A root with /proc/meminfo of 16 GiB and these files."""
    for name, text in {"proc/meminfo": f"MemTotal: {16 * GIB // 1024} kB\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_without_limits_it_is_the_machine(tmp_path: Path) -> None:
    """Every core and all of the memory."""
    found = this_machine(tree(tmp_path, {}))
    assert found.cpus == len(found.cores) == found.threads
    assert found.memory == 16 * GIB


def test_version_2_as_a_container_sees_it(tmp_path: Path) -> None:
    """The group's own folder is the mount's top."""
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/cpu.max": "50000 100000\n",
        "sys/fs/cgroup/memory.max": f"{GIB}\n",
    }
    found = this_machine(tree(tmp_path, files))
    assert (found.cpus, found.threads, found.memory) == (0.5, 1, GIB)


def test_version_2_without_limits_says_max(tmp_path: Path) -> None:
    """Which is no number."""
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/cpu.max": "max 100000\n",
        "sys/fs/cgroup/memory.max": "max\n",
    }
    found = this_machine(tree(tmp_path, files))
    assert (found.cpus, found.memory) == (len(found.cores), 16 * GIB)


def test_a_limit_of_a_group_above_holds_too(tmp_path: Path) -> None:
    """As with Kubernetes, where a pod has one and its container another: the smallest counts."""
    files = {
        "proc/self/cgroup": "0::/pod/one\n",
        "sys/fs/cgroup/pod/cpu.max": "100000 100000\n",
        "sys/fs/cgroup/pod/one/cpu.max": "max 100000\n",
        "sys/fs/cgroup/pod/memory.max": f"{2 * GIB}\n",
        "sys/fs/cgroup/pod/one/memory.max": f"{4 * GIB}\n",
    }
    found = this_machine(tree(tmp_path, files))
    assert (found.cpus, found.memory) == (1.0, 2 * GIB)


@pytest.mark.parametrize("visible", [True, False])
def test_version_1_with_the_hosts_path_or_without(tmp_path: Path, visible: bool) -> None:
    """A container's /proc names the host's folder, while its mount's top is that folder itself."""
    inside = "docker/abc/" if visible else ""
    files = {
        "proc/self/cgroup": "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n1:name=x:/docker/abc\n0::/docker/abc\n",
        f"sys/fs/cgroup/cpu,cpuacct/{inside}cpu.cfs_quota_us": "150000\n",
        f"sys/fs/cgroup/cpu,cpuacct/{inside}cpu.cfs_period_us": "100000\n",
        f"sys/fs/cgroup/memory/{inside}memory.limit_in_bytes": f"{GIB // 2}\n",
    }
    found = this_machine(tree(tmp_path, files))
    assert (min(found.cpus, 1.5), found.memory) == (min(1.5, len(found.cores)), GIB // 2)


def test_version_1_without_limits(tmp_path: Path) -> None:
    """A quota of -1 and a limit near 2^63."""
    files = {
        "proc/self/cgroup": "4:memory:/\n1:cpu:/\n",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    found = this_machine(tree(tmp_path, files))
    assert (found.cpus, found.memory) == (len(found.cores), 16 * GIB)


@pytest.mark.parametrize(("cores", "cpus", "threads"), [(4, 4.0, 4), (4, 2.5, 2), (4, 0.1, 1), (1, 1.0, 1)])
def test_threads_are_what_can_run_all_the_time(cores: int, cpus: float, threads: int) -> None:
    """Part of a CPU more than that would be throttled."""
    assert Machine(tuple(range(cores)), cpus, None).threads == threads
