import type { DirectResponseAction } from "../../../model/route.ts";
import type { Spec } from "../spec.ts";

const KILOBYTE = 1024;
const MEGABYTE = 1024 * KILOBYTE;

/** HTTPDirectResponse; `body.bytes` is base64, as in every proto in JSON. */
export function readDirectResponse(response: Spec): DirectResponseAction {
  const status = response.at("status");
  const code = status.count() ?? 0;
  if (status.present && (code < 200 || code > 599)) {
    status.refuse(`HTTP status ${code} is not in range 200-599`, "200..599");
  }
  return { kind: "directResponse", status: code, body: readBody(response.at("body")) };
}

function readBody(body: Spec): string {
  const [text, bytes] = [body.at("string"), body.at("bytes")];
  if (text.present && bytes.present) body.refuse("only one of string, bytes can be set");
  const content = bytes.present
    ? Buffer.from(bytes.text() ?? "", "base64").toString("utf8")
    : (text.text() ?? "");
  const size = Buffer.byteLength(content);
  if (size > MEGABYTE) {
    body.refuse(
      "large direct_responses may impact control plane performance, must be less than 1MB",
    );
  } else if (size > 100 * KILOBYTE) {
    body.doubt("large direct_responses may impact control plane performance");
  }
  return content;
}
