/** One plain hop through the proxies that are no mesh's: what the same work costs elsewhere. */

interface Ports {
  readonly listen: number;
  readonly origin: number;
}

export function nginxConfig({ listen, origin }: Ports): string {
  return `
    worker_processes 1; daemon off; pid nginx.pid; error_log stderr;
    events { worker_connections 4096; }
    http {
      access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
      upstream origin {
        server 127.0.0.1:${origin}; server 127.0.0.2:${origin};
        keepalive 256; keepalive_requests 100000000;
      }
      server {
        listen 127.0.0.1:${listen};
        location /other { proxy_pass http://origin; }
        location / { proxy_pass http://origin; }
        proxy_http_version 1.1; proxy_next_upstream error timeout; proxy_next_upstream_tries 3;
        proxy_set_header Connection ""; proxy_set_header X-Request-Id $request_id;
        proxy_read_timeout 15s; proxy_max_temp_file_size 0;
      }
    }`;
}

export function haproxyConfig({ listen, origin }: Ports): string {
  return `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 15s
  retries 2
  http-reuse always
frontend in
  bind 127.0.0.1:${listen}
  unique-id-format %{+X}o%ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header x-request-id
  use_backend origin if { path_beg /other }
  default_backend origin
backend origin
  balance roundrobin
  server one 127.0.0.1:${origin} maxconn 4096
  server two 127.0.0.2:${origin} maxconn 4096
`;
}

/** Bytes from one connection to another, whatever they say. */
export function haproxyTcpConfig({ listen, origin }: Ports): string {
  return haproxyConfig({ listen, origin })
    .replace("mode http", "mode tcp")
    .split("\n")
    .filter((line) => !/unique-id|use_backend|http-reuse/.test(line))
    .join("\n");
}
