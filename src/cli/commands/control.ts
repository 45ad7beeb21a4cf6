import { formatDiagnostic } from "../../base/diagnostic.ts";
import { startControl } from "../../control/main.ts";
import { formatAddress, type SocketAddress, socketAddress } from "../../model/address.ts";
import { standardError } from "../voice.ts";

const REFUSED_STATUS = 2;

/** Runs the control plane until it is told to end. Exits with 2 where the YAML has errors. */
export async function controlCommand(
  paths: readonly string[],
  { ads, http }: { readonly ads: string; readonly http: string },
): Promise<void> {
  const started = await startControl({
    paths,
    adsAddress: parseAddress(ads),
    httpAddress: parseAddress(http),
  });
  const say = standardError();
  if (started.kind === "refused") {
    for (const diagnostic of started.diagnostics) say(formatDiagnostic(diagnostic));
    process.exit(REFUSED_STATUS);
  }
  const { control } = started;
  for (const diagnostic of control.diagnostics) say(formatDiagnostic(diagnostic));
  say(`ADS on ${formatAddress(control.adsAddress)}`);
  say(`HTTP on http://${formatAddress(control.httpAddress)}`);
  control.onChange(({ diagnostics, accepted }) => {
    for (const diagnostic of diagnostics) say(formatDiagnostic(diagnostic));
    say(accepted ? "configuration read anew" : "the last good configuration stays");
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void control.stop().then(() => process.exit(0)));
  }
}

function parseAddress(text: string): SocketAddress {
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  const valid = colon > 0 && Number.isInteger(port) && port >= 0 && port <= 65_535;
  if (!valid) throw new Error(`${text} is no address such as 127.0.0.1:15010`);
  return socketAddress(text.slice(0, colon).replace(/^\[|\]$/g, ""), port);
}
