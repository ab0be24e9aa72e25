//! Asking a server from outside whether it takes requests, for schedulers that can only run a command.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::StartError;

/// How long to wait for each step of the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than the answer has.
const ANSWER_BYTES: u64 = 64 << 10;

/// Asks the server that listens on `host` and `port` of this machine, and prints its answer.
///
/// # Errors
/// If it does not answer, or says that it does not take requests.
pub fn check_server(host: IpAddr, port: u16) -> Result<(), StartError> {
    let address = SocketAddr::new(reachable(host), port);
    let answer = ask(address).map_err(|source| StartError::Unanswered { address, source })?;
    let (status, body) = understand(&answer).ok_or_else(|| StartError::Unhealthy(answer.clone()))?;
    if status != "200" {
        return Err(StartError::Unhealthy(body.to_owned()));
    }
    writeln!(io::stdout(), "{body}").map_err(StartError::Output)
}

/// Whoever listens on all addresses is found on the loopback.
fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        host => host,
    }
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}

/// The status code and the body of an answer.
fn understand(answer: &str) -> Option<(&str, &str)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?, body.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood() {
        let answer =
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: x\r\n\r\n{\"status\":\"unavailable\"}\n";
        assert_eq!(understand(answer), Some(("503", "{\"status\":\"unavailable\"}")));
        assert_eq!(understand("SSH-2.0"), None);
    }

    #[test]
    fn listeners_on_all_addresses_are_on_the_loopback() {
        assert_eq!(reachable("0.0.0.0".parse().unwrap()).to_string(), "127.0.0.1");
        assert_eq!(reachable("::".parse().unwrap()).to_string(), "::1");
        assert_eq!(reachable("10.0.0.1".parse().unwrap()).to_string(), "10.0.0.1");
    }
}
