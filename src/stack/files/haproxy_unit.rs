//! What systemd notes when haproxy starts and stops, for keepalived to see at once.

use std::fmt;

/// Holds 1 while haproxy is down, 0 otherwise. keepalived watches it (inotify), so that a haproxy
/// that dies is noticed in milliseconds; its check script, once a second, sees the rest.
pub(in crate::stack) const DOWN_FILE: &str = "/run/mainstay-haproxy-down";

const LOG_DIRECTORY: &str = "/var/lib/haproxy/dev";
const LOG: &str = "/var/lib/haproxy/dev/log";

/// The drop-in of haproxy's unit. Nothing depends on it: where it does not work, for example when
/// haproxy was started before it was laid, the file says nothing and the check script decides.
#[derive(Debug)]
pub(in crate::stack) struct HaproxyUnit;

impl fmt::Display for HaproxyUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Written by mainstay; changes are overwritten.")?;
        writeln!(f, "[Service]")?;
        writeln!(f, "ExecStartPost=-/bin/sh -c 'echo 0 >{DOWN_FILE}'")?;
        writeln!(f, "ExecStopPost=-/bin/sh -c 'echo 1 >{DOWN_FILE}'")?;
        // The distribution's unit makes this file to bind /dev/log over, and nobody removes it: not even purging the
        // package does, because its directory is not empty then. The mount is the unit's own.
        let clean = format!("umount {LOG} 2>/dev/null; [ -s {LOG} ] || rm -f {LOG}; rmdir {LOG_DIRECTORY} 2>/dev/null");
        writeln!(f, "ExecStopPost=-+/bin/sh -c '{clean}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drop_in() {
        insta::assert_snapshot!(HaproxyUnit.to_string());
    }
}
