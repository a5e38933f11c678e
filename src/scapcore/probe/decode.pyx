"""Records of the probe to event blocks.

A record (record.h) holds the raw arguments of a call and pieces of memory. The tables made by
:mod:`scapcore.probe.recipes` tell what each parameter of the event is made of; :class:`Decoder` follows them. Lengths are
checked against the record, so that bytes of any kind are decoded to something or left out.
"""

from libc.stdint cimport int8_t, int16_t, int32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from scapcore.events cimport load16, load32, load64
from scapcore.probe.constants import call_numbers, compat_numbers
from scapcore.probe.layout cimport *
from scapcore.probe.values cimport is_small_option, is_writable, put_address, put_path, put_text, put_tuple, tagged

cdef enum:
    # Of a block: type, length, CPU; then the header of the event.
    BLOCK_HEAD = 10
    EVENT_HEAD = 26
    EVENT_BLOCK = 0x216
    #: Longest body that readers take is 65,536 bytes.
    EVENT_LIMIT = 65480
    #: Kept for the parameters that follow one that is cut.
    RESERVE = 700

cdef enum:
    FILE_CREATED = 0x100000
    OPEN_CREATES = 0o20000100

cdef const char** GROUP_NAMES = ["cpuset=", "cpu=", "cpuacct=", "io=", "memory="]

#: Of each operation of keyctl: what its four arguments are, two bits each: 0 nothing, 1 number, 2 text.
cdef uint8_t* KEY_ARGUMENTS = [
    0b0101, 0b10, 0b010101, 0b01, 0b010101, 0b0101, 0b010101, 0b01, 0b0101, 0b0101, 0b01101001, 0b010101, 0b01010101,
    0b010101, 0b01, 0b0101, 0b01, 0b010101, 0, 0b01010101, 0b01010101, 0b01, 0b0101, 0b01010101, 0b100101, 0b01011001,
    0b01011001, 0b01011001, 0b01011001, 0b101001, 0b01010101, 0b0101, 0b010101,
]


cdef class Decoder:
    """Turns records into event blocks.

    Parameters
    ----------
    recipes : dict of int to (int, int, bytes)
        Event type, number of pieces and packed steps, by number of the call (behind
        ``CALLS`` those of 32-bit programs) or by twice ``CALLS`` plus the kind.
    flags : list of (list of (int, int, int), bool, int)
        Conversions of flags: rows of mask, value and result, whether only the first counts, result without any.
    epoch : int
        Nanoseconds between the epoch and the boot of the system, added to all times.
    """

    def __cinit__(self, dict recipes, list flags, epoch=0):
        cdef uint32_t first = 0, row = 0
        cdef uint32_t index
        cdef bytes packed
        memset(self.recipes, 0, sizeof(self.recipes))
        memset(self.codes, 0, sizeof(self.codes))
        self.epoch = epoch
        count = sum(len(entry[2]) // sizeof(probe_step) for entry in recipes.values())
        self.steps = <probe_step*>calloc(count + 1, sizeof(probe_step))
        self.tables = <probe_table*>calloc(len(flags) + 1, sizeof(probe_table))
        self.rows = <probe_row*>calloc(sum(len(entry[0]) for entry in flags) + 1, sizeof(probe_row))
        if self.steps == NULL or self.tables == NULL or self.rows == NULL:
            raise MemoryError
        for number, (kind, pieces, packed) in recipes.items():
            if not 0 <= number < RECIPES or PyBytes_GET_SIZE(packed) % sizeof(probe_step) or pieces > PIECES:
                raise ValueError(f"no recipe can be number {number}")
            index = <uint32_t>number
            self.recipes[index].type = kind
            self.recipes[index].known = 1
            self.recipes[index].steps = <uint8_t>(PyBytes_GET_SIZE(packed) // sizeof(probe_step))
            self.recipes[index].first = first
            memcpy(&self.steps[first], PyBytes_AS_STRING(packed), PyBytes_GET_SIZE(packed))
            first += self.recipes[index].steps
        for place in range(first):
            if self.steps[place].table >= max(len(flags), 1):
                raise ValueError(f"there is no table {self.steps[place].table}")
        for place, (rows, only_first, otherwise) in enumerate(flags):
            self.tables[<uint32_t>place].first = row
            self.tables[<uint32_t>place].count = len(rows)
            self.tables[<uint32_t>place].only_first = only_first
            self.tables[<uint32_t>place].otherwise = otherwise
            for mask, value, outcome in rows:
                self.rows[row].mask = mask
                self.rows[row].value = value
                self.rows[row].result = outcome
                row += 1
        for code, native in call_numbers().items():
            if native < PROBE_CALLS:
                self.codes[<uint32_t>native] = code
        memset(self.compat_codes, 0, sizeof(self.compat_codes))
        for native, code, _ in compat_numbers():
            if native < PROBE_CALLS:
                self.compat_codes[<uint32_t>native] = code

    def __dealloc__(self):
        free(self.steps)
        free(self.rows)
        free(self.tables)

    def decode(self, bytes record, int cpu=0):
        """The block of one record; empty if it has no recipe or is too short."""
        cdef uint32_t done
        cdef bytearray target = bytearray(EVENT_ROOM)
        cdef uint8_t* place = target
        cdef bytes aligned = bytes(record)
        if len(aligned) < sizeof(probe_record) or len(aligned) > PROBE_RECORD_LIMIT:
            return b""
        done = self.encode(<const probe_record*>PyBytes_AS_STRING(aligned), <uint32_t>len(aligned), <uint16_t>cpu, place)
        return bytes(target[:done])

    cdef uint64_t convert(self, uint32_t table, uint64_t value) noexcept nogil:
        cdef const probe_table* entry = &self.tables[table]
        cdef const probe_row* row
        cdef uint64_t found = 0
        cdef bint any_row = False
        cdef uint32_t index
        for index in range(entry.count):
            row = &self.rows[entry.first + index]
            if (value & row.mask) == row.value:
                if entry.only_first:
                    return row.result
                found |= row.result
                any_row = True
        return found if any_row else entry.otherwise

    cdef uint64_t number(self, const probe_step* step) noexcept nogil:
        """The number that a step is about, converted."""
        cdef const probe_record* record = self.record
        cdef uint64_t value
        cdef const uint8_t* field
        if step.when != WHEN_ALWAYS:
            if (step.when == WHEN_DONE and record.result < 0) or (step.when == WHEN_POSITIVE and record.result <= 0) or \
                    (step.when == WHEN_FAILED and record.result >= 0):
                return <uint64_t>step.otherwise
        if step.source < 6:
            value = record.arguments[step.source]
        elif step.source == 6:
            value = <uint64_t>record.result
        elif step.source == SOURCE_FIELD:
            if step.piece >= PIECES or <uint32_t>(step.offset + step.size) > self.lengths[step.piece]:
                return <uint64_t>step.otherwise
            field = self.pieces[step.piece] + step.offset
            if step.size == 8:
                value = load64(field)
            elif step.size == 4:
                value = load32(field)
            elif step.size == 2:
                value = load16(field)
            else:
                value = field[0]
        else:
            value = <uint64_t>step.otherwise
        if step.transform == TRANSFORM_NONE:
            return value
        if step.transform == TRANSFORM_SIGNED:
            return <uint64_t><int64_t><int32_t>value
        if step.transform == TRANSFORM_TABLE:
            # Flags are 32 bits wide or less, except where they come from a structure.
            return self.convert(step.table, value if step.source == SOURCE_FIELD else <uint32_t>value)
        if step.transform == TRANSFORM_DEVICE:
            # 20 bits of minor number in the kernel; programs have the lower eight of them below the major number.
            return ((value >> 20) << 8) | (value & 0xFF) | ((value & 0xFFF00) << 12)
        if <uint32_t>value >> 16 == 0xC0ED:
            return value & 0xFFFF
        return value

    cdef uint32_t parameter(self, const probe_step* step, uint8_t* target, uint32_t room) noexcept nogil:
        """One parameter; how many bytes it takes. There is room for 130 bytes at least."""
        cdef const probe_record* record = self.record
        cdef const uint8_t* piece = NULL
        cdef const uint8_t* other = NULL
        cdef uint32_t length = 0, other_length = 0, done, index, count
        cdef uint64_t value = 0
        cdef int64_t signed_value
        cdef uint32_t kind = step.kind
        cdef int8_t byte
        cdef int16_t flags
        cdef probe_task task
        if step.piece < PIECES:
            piece = self.pieces[step.piece]
            length = self.lengths[step.piece]
        if step.other < PIECES:
            other = self.pieces[step.other]
            other_length = self.lengths[step.other]
        if kind == STEP_NUMBER:
            value = self.number(step)
        elif kind == STEP_WIDE:
            value = <uint32_t>record.arguments[step.source % 6] | record.arguments[step.second % 6] << 32
        elif kind == STEP_PIECE:
            if length <= step.offset:
                return 0
            length = min(length - step.offset, room)
            memcpy(target, piece + step.offset, length)
            return length
        elif kind == STEP_EMPTY:
            return 0
        elif kind == STEP_ADDRESS:
            return put_address(target, piece, length)
        elif kind == STEP_TUPLE:
            return put_tuple(target, piece, length, other, other_length, step.second)
        elif kind == STEP_POLLED:
            count = min(length // 8, (room - 2) // 10)
            memcpy(target, &count, 2)
            done = 2
            for index in range(count):
                signed_value = <int32_t>load32(piece + 8 * index)
                flags = <int16_t>self.convert(step.table, load16(piece + 8 * index + 6))
                memcpy(target + done, &signed_value, 8)
                memcpy(target + done + 8, &flags, 2)
                done += 10
            return done
        elif kind == STEP_TIME:
            value = <uint64_t>step.otherwise
            if step.size == 4:
                if length >= 8:
                    value = <uint64_t>load32(piece) * 1000000000 + load32(piece + 4)
            elif length >= 16:
                value = load64(piece) * 1000000000 + load64(piece + 8)
        elif kind == STEP_OPEN_FLAGS:
            if step.source == SOURCE_FIELD:
                value = load64(piece + step.offset) if length >= <uint32_t>step.offset + 8 else 0
            else:
                value = record.arguments[step.source]
            value = self.convert(step.table, value)
            if other_length == sizeof(probe_file):
                if load32(other + 4) & FILE_CREATED:
                    value |= 1 << 14
                if load32(other + 16):
                    value |= 1 << 15 if load32(other + 16) == 1 else 1 << 16
        elif kind == STEP_OPEN_MODE:
            if step.source == SOURCE_FIELD:
                if length >= 16 and load64(piece) & OPEN_CREATES:
                    value = self.convert(step.table, load64(piece + 8))
            elif record.arguments[step.second % 6] & OPEN_CREATES:
                value = self.convert(step.table, record.arguments[step.source])
        elif kind == STEP_LAYER:
            value = load32(piece + 16) if length == sizeof(probe_file) else 0
        elif kind == STEP_OPTION_NAME:
            value = self.convert(step.table, record.arguments[2]) if record.arguments[1] == 1 else 0
        elif kind == STEP_OPTION:
            value = record.arguments[2]
            if record.arguments[1] == 1 and value == 4 and length >= 4:
                return tagged(target, 1, <uint64_t>-<int64_t><int32_t>load32(piece), 8)
            if record.arguments[1] == 1 and (value == 20 or value == 21 or value == 66 or value == 67) and length >= 16:
                return tagged(target, 4, load64(piece) * 1000000000 + load64(piece + 8) * 1000, 8)
            if record.arguments[1] == 1 and (value == 20 or value == 21) and length == 8:
                return tagged(target, 4, <uint64_t>load32(piece) * 1000000000 + <uint64_t>load32(piece + 4) * 1000, 8)
            if record.arguments[1] == 1 and value == 57 and length >= 8:
                return tagged(target, 3, load64(piece), 8)
            if record.arguments[1] == 1 and is_small_option(value) and length >= 4:
                return tagged(target, 2, load32(piece), 4)
            target[0] = 0
            length = min(length, room - 1)
            memcpy(target + 1, piece, length)
            return 1 + length
        elif kind == STEP_FULLNESS:
            if length == 8 and load32(piece + 4):
                value = <uint64_t>load32(piece) * 100 // load32(piece + 4)
        elif kind == STEP_TRACE_ADDRESS:
            return tagged(target, 0, record.arguments[step.source] if record.result >= 0 else 0, 8)
        elif kind == STEP_TRACE_DATA:
            value = record.arguments[0]
            if record.result < 0:
                return tagged(target, 0, 0, 8)
            if 1 <= value <= 3:
                return tagged(target, 0, load64(piece) if length >= 8 else 0, 8)
            if value == 7 or value == 9 or value == 17 or value == 24:
                return tagged(target, 1, record.arguments[3] & 0xFF, 1)
            return tagged(target, 0, record.arguments[3], 8)
        elif kind == STEP_CONTROL_TEXT:
            value = <uint32_t>record.arguments[0]
            return put_text(target, piece, length, room) if (value == 15 or value == 16) and length else 0
        elif kind == STEP_CONTROL_NUMBER:
            value = <uint32_t>record.arguments[0]
            if value == 15 or value == 16:
                value = 0
            elif value == 37:
                value = <uint64_t><int64_t><int32_t>load32(piece) if length >= 4 else 0
            else:
                value = record.arguments[1]
        elif kind == STEP_SEMAPHORE_VALUE:
            value = record.arguments[3] if (record.arguments[2] & 0xFFFF) == 16 else 0
        elif kind == STEP_CONFIG_BYTES:
            if record.arguments[1] != 2:
                return 0
            length = min(length, room)
            memcpy(target, piece, length)
            return length
        elif kind == STEP_CONFIG_TEXT:
            if record.arguments[1] != 1 and record.arguments[1] != 3 and record.arguments[1] != 4:
                return 0
            return put_text(target, piece, length, room) if length else 0
        elif kind == STEP_QUOTA_PATH:
            return put_text(target, piece, length, room) if self.quota() == 0x800002 and length else 0
        elif kind == STEP_QUOTA:
            value = self.quota_limit(step.offset, piece, length)
        elif kind == STEP_QUOTA_FORMAT:
            value = 1
            if step.second == 1 and self.quota() == 0x800004 and length >= 4:
                value = self.convert(step.table, load32(piece))
            elif step.second == 0 and self.quota() == 0x800002:
                value = self.convert(step.table, <uint32_t>record.arguments[2])
        elif kind == STEP_QUOTA_ID:
            value = self.quota()
            if value == 0x800007 or value == 0x800008 or value == 0x5803 or value == 0x5804:
                value = record.arguments[2]
            else:
                value = 0
        elif kind == STEP_KEY:
            value = <uint32_t>record.arguments[0]
            index = KEY_ARGUMENTS[value] >> (2 * (step.source - 1)) & 3 if value <= 32 else 0
            if index == 2:
                target[0] = 1
                return 1 + put_text(target + 1, piece, length, room - 1)
            return tagged(target, 0, record.arguments[step.source] if index else 0, 8)
        elif kind == STEP_EXE:
            return put_text(target, piece, length, min(room, 1024)) if length else 0
        elif kind == STEP_ARGUMENTS:
            # Behind the first text.
            index = 0
            while index < length and piece[index] != 0:
                index += 1
            index += 1
            if index >= length:
                return 0
            length = min(length - index, room - 1)
            memcpy(target, piece + index, length)
            if target[length - 1] != 0:
                target[length] = 0
                length += 1
            return length
        elif kind == STEP_GROUPS:
            done = 0
            for index in range(PROBE_GROUPS):
                count = <uint32_t>step.piece + index
                if count >= PIECES or self.lengths[count] == 0 or done + self.lengths[count] + 16 > min(room, 4096):
                    continue
                while GROUP_NAMES[index][value] != 0:
                    target[done] = GROUP_NAMES[index][value]
                    done += 1
                    value += 1
                value = 0
                done += put_path(target + done, self.pieces[count], self.lengths[count], room - done)
            return done
        elif kind == STEP_PATH:
            return put_path(target, piece, length, room)
        elif kind == STEP_CALL_CODE:
            if record.call < PROBE_CALLS:
                value = self.compat_codes[record.call] if record.kind == PROBE_COMPAT else self.codes[record.call]
        elif kind == STEP_CALL_NUMBER:
            value = record.call
        elif kind == STEP_TASK_NUMBER:
            value = record.tid
        elif kind == STEP_EXIT_STATUS:
            value = record.arguments[0]
            value = value >> 8 & 0xFF if step.second == 0 else value & 0x7F if step.second == 1 else value >> 7 & 1
        elif kind == STEP_CLONE_FLAGS:
            if step.source < 6:
                value = record.arguments[step.source]
            elif step.source == SOURCE_FIELD and length >= 8:
                value = load64(piece)
            if other_length == sizeof(probe_task):
                memcpy(&task, other, sizeof(probe_task))
                value |= task.clone_flags
                value = self.convert(step.table, value)
                if task.level or task.other_namespace:
                    value |= 1 << 29
        elif length == sizeof(probe_task):
            memcpy(&task, piece, sizeof(probe_task))
            if kind == STEP_TASK_NAME:
                return put_text(target, <const uint8_t*>task.name, 16, room)
            if kind == STEP_NAMESPACE_START:
                value = task.namespace_start if record.result == 0 else 0
            elif kind == STEP_EXE_FLAGS:
                value = is_writable(&task)
                if task.exe_layer:
                    value |= 2 if task.exe_layer == 1 else 8
                count = <uint32_t>step.piece + 8
                if count < PIECES and self.lengths[count] >= 6 and memcmp(self.pieces[count], "memfd:", 6) == 0:
                    value |= 4
        elif kind == STEP_TASK_NAME:
            return 0
        memcpy(target, &value, step.width)
        return step.width

    cdef uint32_t quota(self) noexcept nogil:
        """Command of quotactl without its lowest byte."""
        return <uint32_t>self.record.arguments[0] >> 8

    cdef uint64_t quota_limit(self, uint32_t place, const uint8_t* piece, uint32_t length) noexcept nogil:
        """One of the numbers of ``struct if_dqblk`` or ``struct if_dqinfo`` that are there and valid."""
        cdef uint32_t command = self.quota(), valid
        if place < 7 and (command == 0x800007 or command == 0x800008) and length >= 72:
            valid = load32(piece + 64)
            if place < 2:
                return load64(piece + 8 * place) if valid & 1 else 0
            if place == 2:
                return load64(piece + 16) if valid & 2 else 0
            if place < 5:
                return load64(piece + 8 * place) if valid & 4 else 0
            return load64(piece + 48 + 8 * (place - 5)) if valid & (16 << (place - 5)) else 0
        if place >= 7 and (command == 0x800005 or command == 0x800006) and length >= 24:
            valid = load32(piece + 20)
            if place == 9:
                return load32(piece + 16) & 0xFF if valid & 4 else 0
            return load64(piece + 8 * (place - 7)) if valid & (1 << (place - 7)) else 0
        return 0

    cdef uint32_t encode(self, const probe_record* record, uint32_t length, uint16_t cpu, uint8_t* target) noexcept nogil:
        """A record as an event block; bytes written, 0 if it is not to be told. There is room for EVENT_ROOM bytes."""
        cdef uint32_t number, done, size, index, at
        cdef const probe_recipe* recipe
        cdef const uint8_t* start = <const uint8_t*>record
        cdef uint8_t* lengths
        cdef uint64_t stamp
        cdef bint compat = record.kind == PROBE_COMPAT or record.kind == PROBE_COMPAT_MESSAGE
        if not compat and record.kind != PROBE_SYSCALL and record.kind != PROBE_MESSAGE:
            number = 2 * PROBE_CALLS + record.kind
            if number >= RECIPES:
                return 0
        elif record.call < PROBE_CALLS:
            number = record.call + (PROBE_CALLS if compat else 0)
        else:
            # A number that is not known yet.
            number = 2 * PROBE_CALLS + PROBE_SYSCALL
        recipe = &self.recipes[number]
        if not recipe.known:
            return 0
        self.record = record
        at = sizeof(probe_record)
        for index in range(PIECES):
            self.pieces[index] = start
            self.lengths[index] = 0
            if at + 2 <= length:
                size = load16(start + at)
                if at + 2 + size <= length:
                    self.pieces[index] = start + at + 2
                    self.lengths[index] = size
                    at += 2 + size
                else:
                    at = length
        lengths = target + BLOCK_HEAD + EVENT_HEAD
        done = BLOCK_HEAD + EVENT_HEAD + 2 * recipe.steps
        for index in range(recipe.steps):
            size = 0
            if done + RESERVE < EVENT_LIMIT:
                size = self.parameter(&self.steps[recipe.first + index], target + done, EVENT_LIMIT - done - RESERVE)
            elif done + 140 < EVENT_LIMIT:
                size = self.parameter(&self.steps[recipe.first + index], target + done, 130)
            memcpy(lengths + 2 * index, &size, 2)
            done += size
        stamp = record.time + <uint64_t>self.epoch
        return close_block(target, done, stamp, record.tid, cpu, recipe.type, recipe.steps)

    cdef uint32_t gap(self, uint64_t time, uint16_t cpu, uint16_t kind, uint32_t count, uint8_t* target) noexcept nogil:
        """A drop event."""
        cdef uint16_t width = 4
        memcpy(target + BLOCK_HEAD + EVENT_HEAD, &width, 2)
        memcpy(target + BLOCK_HEAD + EVENT_HEAD + 2, &count, 4)
        return close_block(
            target, BLOCK_HEAD + EVENT_HEAD + 6, time + <uint64_t>self.epoch, 0xFFFFFFFFFFFFFFFFULL, cpu, kind, 1
        )


cdef uint32_t close_block(
    uint8_t* target, uint32_t done, uint64_t stamp, uint64_t tid, uint16_t cpu, uint16_t kind, uint32_t count
) noexcept nogil:
    """Head and tail of a block around parameters; bytes in all."""
    cdef uint32_t event = done - BLOCK_HEAD
    cdef uint32_t total = (done + 3) // 4 * 4 + 4
    cdef uint32_t block = EVENT_BLOCK
    memset(target + done, 0, total - 4 - done)
    memcpy(target, &block, 4)
    memcpy(target + 4, &total, 4)
    memcpy(target + 8, &cpu, 2)
    memcpy(target + 10, &stamp, 8)
    memcpy(target + 18, &tid, 8)
    memcpy(target + 26, &event, 4)
    memcpy(target + 30, &kind, 2)
    memcpy(target + 32, &count, 4)
    memcpy(target + total - 4, &total, 4)
    return total
