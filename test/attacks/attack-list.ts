import type { Attack } from "./arena/attack.ts";
import { ADMIN } from "./exposure/admin.ts";
import { POLICIES } from "./exposure/policies.ts";
import { REQUESTS } from "./exposure/requests.ts";
import { FLOODS } from "./http2/floods.ts";
import { FRAME_FAULTS } from "./http2/frame-faults.ts";
import { HEADS } from "./http2/heads.ts";

import { SLOW } from "./patience/slow.ts";
import { HANDSHAKES } from "./tls/handshakes.ts";
import { MISDEEDS } from "./upstream/misdeeds.ts";

/** All attacks on one running proxy, by what is attacked. */
export const ATTACKS: readonly { readonly room: string; readonly attacks: readonly Attack[] }[] = [
  { room: "HTTP/2 floods", attacks: FLOODS },
  { room: "HTTP/2 frames", attacks: FRAME_FAULTS },
  { room: "HTTP/2 heads and bodies", attacks: HEADS },
  { room: "Patience", attacks: SLOW },
  { room: "Hostile upstreams", attacks: MISDEEDS },
  { room: "Requests", attacks: REQUESTS },
  { room: "Policies", attacks: POLICIES },
  { room: "The admin server", attacks: ADMIN },
  { room: "TLS", attacks: HANDSHAKES },
];
