import { open, type FileHandle } from 'node:fs/promises';
import { LISTED, REPORT_FORMAT, type Report } from '../../livekit/report.js';
import { fileFailure } from '../shared/failure.js';

/** Lines of a process that are kept. */
const KEPT = 60;

/** Bytes that are read at a time. */
const CHUNK = 1 << 16;

/** What one thread of one process has reported. */
export interface Reporting {
  /** Its last lines, the newest at the end; at least one. */
  readonly reports: Report[];
}

/** The file that reports are appended to, as far as it was read. */
export class ReportFile {
  readonly path: string;
  /** By process and thread, in the order in which they came. */
  readonly reporting = new Map<string, Reporting>();
  /** Lines that are no reports. */
  foreign = 0;
  /** Reports of a version of narrowcast with another format. */
  otherVersions = new Set<string>();
  #at = 0;
  /** The beginning of a line whose end was not there yet. */
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Reads what was appended. A file that has become shorter is another one, and read from its start.
   *
   * @returns whether there is such a file
   * @throws {Failure} it can't be read
   */
  async read(): Promise<boolean> {
    let file: FileHandle;
    try {
      file = await open(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw fileFailure('read', this.path, error);
    }
    try {
      if ((await file.stat()).size < this.#at) this.#begin();
      const chunk = Buffer.alloc(CHUNK);
      for (;;) {
        const { bytesRead } = await file.read(chunk, 0, CHUNK, this.#at);
        if (bytesRead === 0) return true;
        this.#at += bytesRead;
        this.#take(chunk.subarray(0, bytesRead));
      }
    } catch (error) {
      throw fileFailure('read', this.path, error);
    } finally {
      await file.close();
    }
  }

  #begin(): void {
    this.#at = 0;
    this.#rest = Buffer.alloc(0);
    this.reporting.clear();
    this.foreign = 0;
  }

  #take(bytes: Buffer): void {
    const all = Buffer.concat([this.#rest, bytes]);
    const end = all.lastIndexOf('\n') + 1;
    this.#rest = Buffer.from(all.subarray(end));
    for (const line of all.toString('utf8', 0, end).split('\n')) if (line !== '') this.#line(line);
  }

  #line(line: string): void {
    const report = parse(line);
    if (report === undefined) {
      this.foreign++;
    } else if (report.format !== REPORT_FORMAT) {
      this.otherVersions.add(String(report.narrowcast));
    } else if (!isWhole(report)) {
      this.foreign++;
    } else {
      const of = `${report.pid}/${report.thread}`;
      const known = this.reporting.get(of);
      // A process may have got the number of one that has ended.
      if (!known || report.line === 1) this.reporting.set(of, { reports: [report] });
      else if (known.reports.push(report) > KEPT) known.reports.shift();
    }
  }
}

const NUMBERS = [
  'pid',
  'thread',
  'line',
  'periodMs',
  'rssMb',
  'cpu',
  'rooms',
  'pending',
  'oldestPendingMs',
  'frames',
  'framesDropped',
  'stalls',
  'stalledMs',
] as const;

/** Whether all is there that is looked at. */
function isWhole(report: Report): boolean {
  const { alive, groups, time } = report;
  return (
    NUMBERS.every((name) => typeof report[name] === 'number') &&
    typeof alive === 'object' &&
    alive !== null &&
    LISTED.every((kind) => typeof alive[kind] === 'number') &&
    Array.isArray(groups) &&
    groups.every((group) => LISTED.includes(group?.kind)) &&
    !Number.isNaN(Date.parse(time))
  );
}

function parse(line: string): Report | undefined {
  try {
    const report = JSON.parse(line) as Partial<Report> | null;
    return typeof report === 'object' && report?.narrowcast !== undefined ? (report as Report) : undefined;
  } catch {
    return undefined;
  }
}
