"""What addons are, as JSON: their processor, what they load, import and export. Needs lief; scripts/platforms/addons.mjs runs it."""

import hashlib
import json
import re
import struct
import sys

import lief

MACHINES = {
    "X86_64": "x64", "AARCH64": "arm64",
    "AMD64": "x64", "ARM64": "arm64",
}


def elf(binary):
    needed = binary.get(lief.ELF.DynamicEntry.TAG.FLAGS)
    versions = [aux.name for need in binary.symbols_version_requirement for aux in need.get_auxiliary_symbols()]
    glibc = [tuple(map(int, name.split("_")[1].split("."))) for name in versions if re.match(r"GLIBC_\d", name)]
    return {
        "system": "linux",
        "arch": binary.header.machine_type,
        "libraries": [str(name) for name in binary.libraries],
        "exports": [symbol.name for symbol in binary.exported_symbols],
        "imports": [symbol.name for symbol in binary.imported_symbols],
        "glibc": list(max(glibc)) if glibc else None,
        # The room for these is small, and shared by all libraries that are loaded late.
        "staticTls": bool(needed and needed.has(lief.ELF.DynamicEntryFlags.FLAG.STATIC_TLS))
        or any("TPOFF" in str(relocation.type) for relocation in binary.relocations),
    }


def pe(binary):
    return {
        "system": "win32",
        "arch": binary.header.machine,
        "libraries": [entry.name for entry in [*binary.imports, *binary.delay_imports]],
        "exports": [entry.name for entry in binary.get_export().entries],
        "imports": [entry.name for library in binary.imports for entry in library.entries],
    }


def macho(binary, content):
    version = binary.build_version.minos if binary.has_build_version else binary.version_min.version
    libraries = [c for c in binary.commands if isinstance(c, lief.MachO.DylibCommand)]
    own = [c.name for c in libraries if c.command == lief.MachO.LoadCommand.TYPE.ID_DYLIB]
    return {
        "system": "darwin",
        "arch": binary.header.cpu_type,
        "libraries": [c.name for c in libraries if c.command != lief.MachO.LoadCommand.TYPE.ID_DYLIB],
        "exports": [symbol.name.removeprefix("_") for symbol in binary.exported_symbols],
        "imports": [symbol.name.removeprefix("_") for symbol in binary.imported_symbols],
        "oldest": ".".join(map(str, version[:2])),
        "name": own[0] if own else None,
        "unbound": sorted({b.symbol.name for b in binary.bindings if b.has_symbol and not b.has_library}),
        "signature": signature(binary, content),
    }


def signature(binary, content):
    """None without one; else whether it is an ad-hoc one, and how many pages have another hash than it says."""
    if not binary.has_code_signature:
        return None
    start = binary.code_signature.data_offset
    magic, _, count = struct.unpack_from(">III", content, start)
    assert magic == 0xFADE0CC0, "no signature"
    for i in range(count):
        kind, offset = struct.unpack_from(">II", content, start + 12 + 8 * i)
        at = start + offset
        if kind != 0:
            continue
        _, _, _, flags, hashes, _, _, pages, limit = struct.unpack_from(">9I", content, at)
        size, _, _, shift = struct.unpack_from(">4B", content, at + 36)
        page = 1 << shift
        wrong = 0
        for n in range(pages):
            said = content[at + hashes + n * size : at + hashes + (n + 1) * size]
            data = content[n * page : min((n + 1) * page, limit)]
            wrong += hashlib.sha256(data).digest()[:size] != said
        return {"adHoc": bool(flags & 2), "pages": pages, "wrongPages": wrong}
    return None


def facts(file, places):
    with open(file, "rb") as opened:
        content = opened.read()
    try:
        binary = lief.parse(file)
        if isinstance(binary, lief.MachO.FatBinary):
            binary = binary.at(0)
        if isinstance(binary, lief.ELF.Binary):
            found = elf(binary)
        elif isinstance(binary, lief.PE.Binary):
            found = pe(binary)
        else:
            found = macho(binary, content)
    except Exception:  # whatever is wrong with a file that is cut off or something else
        return {"system": None, "bytes": len(content)}
    name = str(found["arch"]).split(".")[-1]
    found["arch"] = MACHINES.get(name, name)
    # As bytes: what is around them may be in any encoding.
    inside = b"(?:" + b"|".join(re.escape(place.encode()) for place in places) + rb")[/\\][\w./\\-]{3,}"
    found["paths"] = sorted({match.decode("latin1") for match in re.findall(inside, content)})[:3]
    return {"bytes": len(content), **found}


lief.logging.disable()
given = json.loads(sys.argv[1])
print(json.dumps([facts(file, given["places"]) for file in given["files"]]))
