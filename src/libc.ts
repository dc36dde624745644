/**
 * The version of glibc that this process runs with; null with musl, undefined elsewhere than on Linux and where Node does not
 * tell. The process itself knows: a Node for musl also runs on a machine whose own programs use glibc.
 */
export function glibcVersion(): string | null | undefined {
  if (process.platform !== 'linux' || typeof process.report?.getReport !== 'function') return undefined;
  const report = process.report as typeof process.report & { excludeNetwork?: boolean };
  const { excludeNetwork } = report;
  // Otherwise Node asks for the names of all hosts that it is connected with, which takes its time.
  report.excludeNetwork = true;
  try {
    const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
    return header && (header.glibcVersionRuntime ?? null);
  } finally {
    report.excludeNetwork = excludeNetwork as boolean;
  }
}
