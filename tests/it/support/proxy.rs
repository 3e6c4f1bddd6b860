//! A network between the daemon and its database that can be cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Forwards what comes to its address.
pub struct Proxy {
    address: SocketAddr,
    /// Host and port.
    target: String,
    /// `None` while it is cut.
    open: Option<Open>,
}

struct Open {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Proxy {
    pub async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut proxy = Self { address, target, open: None };
        proxy.forward(listener);
        proxy
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Drops every connection, and refuses new ones from now on.
    pub async fn cut(&mut self) {
        let Some(Open { stop, tasks }) = self.open.take() else { return };
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }

    /// Takes connections again.
    pub async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("nobody took the port meanwhile");
        self.forward(listener);
    }

    fn forward(&mut self, listener: TcpListener) {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept(listener, self.target.clone(), stop.clone(), tasks.clone()));
        self.open = Some(Open { stop, tasks });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(open) = &self.open {
            open.stop.cancel();
        }
    }
}

async fn accept(listener: TcpListener, target: String, stop: CancellationToken, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (near, _) = accepted.expect("a connection");
        let (target, stop) = (target.clone(), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = forward(near, &target) => {}
            }
        });
    }
}

/// Either side may hang up at any time: what the other makes of it is what a test looks at.
async fn forward(mut near: TcpStream, target: &str) {
    let Ok(mut far) = TcpStream::connect(target).await else { return };
    let _ = copy_bidirectional(&mut near, &mut far).await;
}
