// What a process is bound to or connected with outside of this machine, as Linux lists it.

import fs from 'node:fs';

/** Lists of sockets, and how an address of the loopback interface begins or looks in them. */
const LISTS = ['tcp', 'tcp6', 'udp', 'udp6'];

/**
 * The sockets of process `pid` whose own address is not on loopback, as `udp 0A00000A:1F90`: the kernel's hexadecimal.
 * Undefined where there is no `/proc/net` to read.
 */
export function socketsElsewhere(pid) {
  const folder = `/proc/${pid}`;
  if (!fs.existsSync(`${folder}/net/tcp`)) return undefined;
  const own = new Set(fs.readdirSync(`${folder}/fd`).map((name) => inode(`${folder}/fd/${name}`)));
  return LISTS.flatMap((list) => {
    if (!fs.existsSync(`${folder}/net/${list}`)) return [];
    const lines = fs.readFileSync(`${folder}/net/${list}`, 'utf8').trim().split('\n').slice(1);
    return lines
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => own.has(columns[9]) && !isLoopback(columns[1].split(':')[0]))
      .map((columns) => `${list} ${columns[1]}`);
  });
}

function inode(file) {
  try {
    return /^socket:\[(\d+)\]$/.exec(fs.readlinkSync(file))?.[1];
  } catch {
    // Closed meanwhile.
    return undefined;
  }
}

/** Words of four bytes, each in the machine's order, which is little-endian on all that narrowcast is built for. */
function isLoopback(address) {
  if (address.length === 8) return address.endsWith('7F');
  return address === '00000000000000000000000001000000' || /^0{16}FFFF0000.{6}7F$/.test(address);
}
