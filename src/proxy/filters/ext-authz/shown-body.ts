/** What of a request's body an authorization server is shown. */
export interface ShownBody {
  readonly bytes: Buffer;
  /** There is more of it. */
  readonly partial: boolean;
  readonly asBytes: boolean;
}
