//! How much memory this process may use: what the machine has, or what its control group is given.

use std::path::{Path, PathBuf};

/// In bytes; `None` where the system does not tell.
pub(super) fn limit() -> Option<u64> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    limit_by(&read)
}

/// The least of what is told. A control group is bound by every group above it, too.
fn limit_by(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| total(&text));
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let group = groups.lines().flat_map(files).filter_map(|file| read(&file)).filter_map(|text| number(&text)).min();
    machine.into_iter().chain(group).min()
}

/// `MemTotal`, which is told in KiB.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// A limit; `max` is none.
fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// Where the limits of a group are, from a line of `/proc/self/cgroup` (cgroups(7)): of the group and of those above it.
/// In a container its own group may be mounted as the root.
fn files(line: &str) -> Vec<PathBuf> {
    let mut parts = line.splitn(3, ':');
    let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
        return Vec::new();
    };
    let (root, file) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.max"),
        _ if controllers.split(',').any(|one| one == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return Vec::new(),
    };
    let group = Path::new(path.trim_start_matches('/'));
    group.ancestors().map(|group| Path::new(root).join(group).join(file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn the_least_of_what_binds_is_the_limit() {
        const MEMINFO: (&str, &str) = ("/proc/meminfo", "MemFree: 1 kB\nMemTotal:        2097152 kB\nCached: 9 kB\n");
        let two = ("/proc/self/cgroup", "0::/system.slice/stepgate.service\n");
        let one = ("/proc/self/cgroup", "11:cpu,cpuacct:/a\n5:memory:/docker/x\n0::/\n");
        let service = "/sys/fs/cgroup/system.slice/stepgate.service/memory.max";
        for (files, expected) in [
            (vec![], None),
            (vec![MEMINFO], Some(2048)),
            (vec![MEMINFO, two], Some(2048)),
            (vec![MEMINFO, two, (service, "max\n")], Some(2048)),
            (vec![MEMINFO, two, (service, "536870912\n")], Some(512)),
            (
                vec![MEMINFO, two, (service, "max\n"), ("/sys/fs/cgroup/system.slice/memory.max", "268435456\n")],
                Some(256),
            ),
            (vec![MEMINFO, two, ("/sys/fs/cgroup/memory.max", "134217728")], Some(128)),
            (vec![two, (service, "536870912")], Some(512)),
            (vec![MEMINFO, one, ("/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "67108864\n")], Some(64)),
            (vec![MEMINFO, one, ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")], Some(2048)),
            (vec![("/proc/meminfo", "MemTotal: x kB\n"), ("/proc/self/cgroup", "nonsense\n0:\n")], None),
        ] {
            let read =
                |path: &Path| files.iter().find(|(at, _)| Path::new(at) == path).map(|(_, text)| (*text).to_owned());
            assert_eq!(limit_by(&read), expected.map(|mib| mib * MIB), "{files:?}");
        }
    }

    #[test]
    fn this_machine_tells() {
        assert!(limit().is_some_and(|bytes| bytes > MIB));
    }
}
