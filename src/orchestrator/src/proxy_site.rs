//! The site of a reverse proxy for an instance, as text. Pure: it reads no file, and TLS is the proxy's own matter.

use std::path::PathBuf;

/// Where the server listens for the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Upstream {
    /// A unix socket, over which the server believes what the proxy says of its clients.
    Unix(PathBuf),
    /// An address and a port.
    Tcp(String),
}

/// A site of Caddy, which gets its certificates by itself and tells the server of its clients without being asked to.
pub(crate) fn caddy(host_name: &str, upstream: &Upstream) -> String {
    let upstream = match upstream {
        Upstream::Unix(path) => format!("unix/{}", path.display()),
        Upstream::Tcp(address) => address.clone(),
    };
    format!(
        "# For /etc/caddy/Caddyfile. Caddy gets the certificate by itself, and forwards Host, X-Forwarded-For and
# X-Forwarded-Proto.
{host_name} {{
\treverse_proxy {upstream} {{
\t\t# Pages follow the work of the server by streams of events, which must not wait for a full buffer.
\t\tflush_interval -1
\t}}
}}
"
    )
}

/// A server block of nginx, with the places where certbot keeps certificates.
pub(crate) fn nginx(host_name: &str, upstream: &Upstream) -> String {
    let upstream = match upstream {
        Upstream::Unix(path) => format!("http://unix:{}:", path.display()),
        Upstream::Tcp(address) => format!("http://{address}"),
    };
    format!(
        "# For /etc/nginx/sites-enabled/. The certificate is where certbot puts it; change that if yours is elsewhere.
server {{
    listen 80;
    listen [::]:80;
    server_name {host_name};
    return 301 https://$host$request_uri;
}}

server {{
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name {host_name};
    ssl_certificate /etc/letsencrypt/live/{host_name}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{host_name}/privkey.pem;

    location / {{
        proxy_pass {upstream};
        proxy_http_version 1.1;
        proxy_set_header Connection \"\";
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        # The server has a limit of its own for uploads, and writes them to its disk as they come.
        client_max_body_size 0;
        proxy_request_buffering off;
        # Pages follow the work of the server by streams of events, which must not wait for a full buffer.
        proxy_buffering off;
        proxy_read_timeout 1h;
        proxy_send_timeout 1h;
    }}
}}
"
    )
}
