//! The process between the daemon and a driver: it leads their process group and ends it.
//!
//! A driver that is killed leaves its whole browser behind, and a daemon that is killed cannot
//! clean up after itself. The guard can: it holds the reading end of a pipe whose only other end
//! is the daemon's. When the daemon closes that end, or dies in whatever way, the guard reads the
//! end of the pipe and kills its group, itself included. Browser helpers that opened a session of
//! their own (crash reporters) end by themselves when their browser is gone.

use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::{Signal, getpgrp, getpid, kill_process_group, setpgid};

/// Runs `command` until it ends or standard input does, then kills the process group.
///
/// Returns only with an error: the program could not be started, or the group could not be killed.
pub fn run(command: &[OsString]) -> io::Result<()> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "guard needs the command to run: `reconbanker guard -- <driver> [arguments]`",
        ));
    };
    lead_a_group()?;
    let mut driver = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("could not start {}: {error}", program.display())))?;

    let (pipe_ended, ended) = mpsc::channel();
    let driver_ended = pipe_ended.clone();
    thread::spawn(move || {
        // An unreadable pipe says the same as a closed one: nobody needs the driver any more.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = pipe_ended.send(());
    });
    thread::spawn(move || {
        let _ = driver.wait();
        let _ = driver_ended.send(());
    });
    // An error means that both threads are gone, which is a reason to end as well.
    let _ = ended.recv();
    kill_process_group(getpgrp(), Signal::KILL).map_err(io::Error::from)
}

/// The daemon starts the guard as leader of a group; started by hand it must not kill its caller's.
fn lead_a_group() -> io::Result<()> {
    if getpgrp() != getpid() {
        setpgid(None, None)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_without_a_command_says_how_it_is_used() {
        let error = run(&[]).expect_err("nothing to run");
        assert!(error.to_string().contains("guard -- <driver>"), "{error}");
    }
}
