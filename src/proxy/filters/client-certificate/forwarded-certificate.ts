// hot path: no allocation per request
import { ID } from "../../../codec/http/header-name.ts";
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import type {
  ForwardClientCert,
  ForwardClientCertMode,
} from "../../../model/transport/client-certificate.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";
import { certificateElement } from "./certificate-element.ts";

const XFCC = ID["x-forwarded-client-cert"];
/** What many servers take for the same; nobody who means well writes it. */
const LOOKALIKE = ID.x_forwarded_client_cert;

/**
 * What becomes of `x-forwarded-client-cert` (Envoy:
 * ConnectionManagerUtility::mutateXfccRequestHeader).
 */
export class ForwardedCertificate {
  readonly #mode: ForwardClientCertMode;
  readonly #config: ForwardClientCert;
  /** A connection says the same of itself in all its requests. */
  readonly #elements = new WeakMap<TlsInfo, string>();

  constructor(config: ForwardClientCert) {
    this.#mode = config.mode;
    this.#config = config;
  }

  /** `tls`: of the client's connection; undefined where it has none. */
  apply(headers: HeaderTable, tls: TlsInfo | undefined): void {
    if (this.#mode === "alwaysForwardOnly") return;
    headers.remove(LOOKALIKE);
    if (this.#mode === "sanitize" || tls?.peer === undefined) headers.remove(XFCC);
    else if (this.#mode !== "forwardOnly") this.#tell(headers, tls);
  }

  #tell(headers: HeaderTable, tls: TlsInfo): void {
    const element = this.#elementOf(tls);
    const before = this.#mode === "appendForward" ? headers.joined(NAME) : undefined;
    headers.set(XFCC, before === undefined || before === "" ? element : `${before},${element}`);
  }

  #elementOf(tls: TlsInfo): string {
    const known = this.#elements.get(tls);
    if (known !== undefined) return known;
    const made = certificateElement(tls, this.#config.details);
    this.#elements.set(tls, made);
    return made;
  }
}

const NAME = "x-forwarded-client-cert";
