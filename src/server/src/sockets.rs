//! Where the server listens: on the sockets that it was given, else on the port that its settings name. It accepts
//! nothing.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::{fd::AsFd, unix::net::UnixListener},
};

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use ytorch_core::{ExitCode, Problem};

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Socket {
    /// For clients on the network.
    Network(TcpListener, SocketAddr),
    /// For the reverse proxy of this machine.
    Local(UnixListener, String),
}

/// Every socket of the server, and whose they are.
#[derive(Debug)]
pub(crate) enum Sockets {
    /// Somebody else's, who holds them while no server runs: systemd.
    Passed(Vec<Socket>),
    /// Our own.
    Bound(Vec<Socket>),
}

impl Sockets {
    /// All that were passed (`LISTEN_FDS`); `None` if none were.
    ///
    /// Only once, and before there are threads: it takes the variables out of the environment.
    pub(crate) fn passed() -> Result<Option<Self>, Problem> {
        let mut passed = ListenFd::from_env();
        if passed.len() == 0 {
            return Ok(None);
        }
        let sockets = (0..passed.len()).map(|index| take_passed(&mut passed, index)).collect::<Result<_, _>>()?;
        Ok(Some(Self::Passed(sockets)))
    }

    /// A port of our own.
    pub(crate) fn bind(address: SocketAddr) -> Result<Self, Problem> {
        Ok(Self::Bound(vec![bind(address)?]))
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Socket] {
        let (Self::Passed(all) | Self::Bound(all)) = self;
        all
    }

    /// All of them, to be served.
    pub(crate) fn into_all(self) -> Vec<Socket> {
        let (Self::Passed(all) | Self::Bound(all)) = self;
        all
    }

    /// Whether somebody else holds them while no server runs.
    pub(crate) fn outlive_us(&self) -> bool {
        matches!(self, Self::Passed(_))
    }

    /// The addresses on the network.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.all().iter().filter_map(|socket| match socket {
            Socket::Network(_, address) => Some(*address),
            Socket::Local(..) => None,
        })
    }
}

impl Socket {
    /// Where it listens, as the system has it.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Network(_, address) => address.to_string(),
            Self::Local(_, path) => format!("unix:{path}"),
        }
    }

    /// Where a client of this machine finds it.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Network(_, address) if address.ip().is_unspecified() => {
                format!("http://127.0.0.1:{}/", address.port())
            }
            Self::Network(_, address) => format!("http://{address}/"),
            Self::Local(_, path) => format!("unix:{path}"),
        }
    }
}

fn take_passed(passed: &mut ListenFd, index: usize) -> Result<Socket, Problem> {
    let failed = |error: io::Error| {
        Problem::new(ExitCode::Unfit, format!("could not use the passed socket {}", index + 1))
            .because(&error)
            .hint("pass listening stream sockets only: `ListenStream=` and `Accept=no` in the socket unit")
    };
    if let Ok(Some(listener)) = passed.take_tcp_listener(index) {
        listens(&listener).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        return Ok(Socket::Network(listener, address));
    }
    let listener = passed.take_unix_listener(index).map_err(failed)?;
    let listener = listener.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    listens(&listener).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let path = address.as_pathname().map_or_else(String::new, |path| path.display().to_string());
    Ok(Socket::Local(listener, path))
}

/// A connection of somebody's, as `Accept=yes` passes them, accepts nothing.
fn listens(socket: impl AsFd) -> io::Result<()> {
    if socket_acceptconn(socket)? { Ok(()) } else { Err(io::Error::other("it does not listen")) }
}

/// Takes the port.
fn bind(address: SocketAddr) -> Result<Socket, Problem> {
    let failed = |error: io::Error| {
        let problem = |code| Problem::new(code, format!("could not listen on {address}")).because(&error);
        match error.kind() {
            io::ErrorKind::AddrInUse => problem(ExitCode::PortTaken)
                .hint("another program uses the port: choose another one with `--port`, or stop that program"),
            io::ErrorKind::PermissionDenied => {
                problem(ExitCode::Unfit).hint("ports below 1024 are for the system: choose another one with `--port`")
            }
            _ => problem(ExitCode::Unfit).hint("choose another address with `--bind`"),
        }
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Socket::Network(listener, address))
}
