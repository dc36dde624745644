/**
 * The newest glibc that an ELF file asks for, as `[2, 17]`: the highest of the versions that it names, as in `GLIBC_2.17`.
 *
 * @param {Buffer} file
 * @returns {[number, number]} `[0, 0]` if it names none, as one linked with musl
 */
export function newestGlibc(file) {
  const versions = [...file.toString('latin1').matchAll(/\0GLIBC_(\d+)\.(\d+)/g)].map(([, ...numbers]) =>
    numbers.map(Number),
  );
  return versions.reduce((a, b) => ((b[0] - a[0] || b[1] - a[1]) > 0 ? b : a), [0, 0]);
}
