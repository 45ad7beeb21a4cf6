/**
 * The least that Node can do for a connection: PORT [FOLDER]. Answers whatever comes; with a folder
 * over TLS, wanting a client's certificate. It is the floor that memory a connection stands on.
 */
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";

const RESPONSE = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

const [portText = "", folder] = process.argv.slice(2);
const read = (name: string): string => fs.readFileSync(path.join(folder ?? "", name), "utf8");

function serve(socket: net.Socket): void {
  socket.on("data", () => socket.write(RESPONSE));
  socket.on("error", () => socket.destroy());
}

const server =
  folder === undefined
    ? net.createServer(serve)
    : tls.createServer(
        {
          ...{ ca: read("ca.pem"), cert: read("leaf.pem"), key: read("leaf.key") },
          ...{ requestCert: true, rejectUnauthorized: true, ALPNProtocols: ["http/1.1"] },
        },
        serve,
      );
server.listen(Number(portText), "127.0.0.1");
