export interface Packed {
  readonly name: string;
  /** The tarball. */
  readonly file: string;
  /** Of the tarball, in bytes. */
  readonly size: number;
  /** In bytes. */
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}
/** Most bytes: of the root package as it is downloaded, of a platform package on the disk. */
export const LIMITS: { readonly rootPacked: number; readonly platformUnpacked: number };
export function pack(options: { out: string; addons?: string; release?: boolean }): Packed[];
