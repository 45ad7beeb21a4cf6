/** What came of looking at a token: its number and words are Envoy's (common/jwt/status.h). */
export interface JwtStatus {
  readonly code: number;
  readonly text: string;
}

export const OK: JwtStatus = { code: 0, text: "OK" };
export const MISSING: JwtStatus = { code: 1, text: "Jwt is missing" };
export const NOT_YET_VALID: JwtStatus = { code: 2, text: "Jwt not yet valid" };
export const EXPIRED: JwtStatus = { code: 3, text: "Jwt is expired" };
export const BAD_FORMAT: JwtStatus = {
  code: 4,
  text: "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
};
export const HEADER_BASE64: JwtStatus = {
  code: 5,
  text: "Jwt header is an invalid Base64url encoded",
};
export const HEADER_JSON: JwtStatus = { code: 6, text: "Jwt header is an invalid JSON" };
export const HEADER_ALG: JwtStatus = {
  code: 7,
  text: "Jwt header [alg] field is required and must be a string",
};
export const ALG_UNSUPPORTED: JwtStatus = { code: 8, text: "Jwt header [alg] is not supported" };
export const HEADER_KID: JwtStatus = { code: 9, text: "Jwt header [kid] field is not a string" };
export const PAYLOAD_BASE64: JwtStatus = {
  code: 10,
  text: "Jwt payload is an invalid Base64url encoded",
};
export const PAYLOAD_JSON: JwtStatus = { code: 11, text: "Jwt payload is an invalid JSON" };
export const ISS_TYPE: JwtStatus = { code: 12, text: "Jwt payload [iss] field is not a string" };
export const SUB_TYPE: JwtStatus = { code: 13, text: "Jwt payload [sub] field is not a string" };
export const IAT_TYPE: JwtStatus = { code: 14, text: "Jwt payload [iat] field is not an integer" };
export const IAT_RANGE: JwtStatus = {
  code: 15,
  text: "Jwt payload [iat] field is not a positive 64 bit integer",
};
export const NBF_TYPE: JwtStatus = { code: 16, text: "Jwt payload [nbf] field is not an integer" };
export const NBF_RANGE: JwtStatus = {
  code: 17,
  text: "Jwt payload [nbf] field is not a positive 64 bit integer",
};
export const EXP_TYPE: JwtStatus = { code: 18, text: "Jwt payload [exp] field is not an integer" };
export const EXP_RANGE: JwtStatus = {
  code: 19,
  text: "Jwt payload [exp] field is not a positive 64 bit integer",
};
export const JTI_TYPE: JwtStatus = { code: 20, text: "Jwt payload [jti] field is not a string" };
export const AUD_TYPE: JwtStatus = {
  code: 21,
  text: "Jwt payload [aud] field is not a string or string list",
};
export const SIGNATURE_BASE64: JwtStatus = {
  code: 22,
  text: "Jwt signature is an invalid Base64url encoded",
};
export const ED25519_LENGTH: JwtStatus = {
  code: 23,
  text: "Jwt ED25519 signature is wrong length",
};
export const UNKNOWN_ISSUER: JwtStatus = { code: 24, text: "Jwt issuer is not configured" };
export const AUDIENCE: JwtStatus = { code: 25, text: "Audiences in Jwt are not allowed" };
export const VERIFICATION_FAILS: JwtStatus = { code: 26, text: "Jwt verification fails" };
export const TOO_MANY_TOKENS: JwtStatus = { code: 27, text: "Found multiple Jwt tokens" };
export const KID_ALG_MISMATCH: JwtStatus = {
  code: 32,
  text: "Jwks doesn't have key to match kid or alg from Jwt",
};
export const FETCH_FAILED: JwtStatus = { code: 40, text: "Jwks remote fetch is failed" };
