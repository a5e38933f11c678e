"""Old forms of events made into the newest ones, a batch at a time (scap format, section 7.2). Internal to the core.

The newest kernel drivers tell a call once, when it returns; older ones told its arguments when it began. The exit
view shows every capture in the new way: an enter event waits for the exit event of its thread, gives it what it
lacks, and is gone. What has to be rewritten goes into a chunk of the batch's own, and with it the rest of that
batch, so that offsets count from one place; a batch in which nothing is old is left where it is.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from cpython.ref cimport PyObject

from scapcore.batch cimport Chunk, EventBatch
from scapcore.buffer cimport Buffer, put_byte, put_bytes, put_text, put_unsigned, reserve
from scapcore.events cimport *
from scapcore.hashing cimport map_free, map_get, map_put, map_remove
from scapcore.payload cimport put_json_text
from scapcore.schema.tables cimport (AS_IT_IS, ParameterOrigin, Rule, events_modern, fates, origins,
                                     parameters_modern, rule_places, rules)
from scapcore.schema.types cimport *
from scapcore.state cimport LIMIT_THREADS

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject* item)

cdef enum:
    ROW_PASSES = 0           # else the number of its rule + 1
    ROW_DROPPED = 0xFFFF

    PLACE_OWNED = 0
    PLACE_BATCH = 1
    PLACE_NEW = 2


cdef inline uint32_t end_of(const Event* event) noexcept nogil:
    """Bytes from the header to the end of the last parameter."""
    cdef uint32_t index
    cdef uint32_t length = <uint32_t>(event.values - event.header)
    for index in range(event.nparams):
        length += parameter_length(event, index)
    return length


cdef uint16_t find_rule(uint16_t type, uint16_t nparams) noexcept nogil:
    """Number + 1 of the rule for a form; of a form that nobody has written the next shorter one's, else 0."""
    cdef uint32_t number
    cdef uint32_t found = 0
    for number in range(rule_places[type], rule_places[type + 1]):
        if rules[number].nparams <= nparams:
            found = number + 1
    return <uint16_t>found


cdef class Converter:
    """Makes the events of one pass the newest ones; what waits for its exit event is kept from batch to batch."""

    def __cinit__(self):
        self.chosen = <uint16_t*>malloc(BATCH_EVENTS * sizeof(uint16_t))
        self.recent = <uint32_t*>malloc(BATCH_EVENTS * sizeof(uint32_t))
        if self.chosen == NULL or self.recent == NULL:
            raise MemoryError
        self.pending_count = 1       # 0 means none

    def __dealloc__(self):
        cdef uint32_t number
        for number in range(1, self.pending_count):
            free(self.pending[number].owned)
        free(self.pending)
        free(self.free_numbers)
        free(self.recent)
        free(self.chosen)
        map_free(&self.by_tid)

    cdef void convert(self, EventBatch batch) except *:
        """Bring the events of a batch into the newest form; those that are no more are taken out of it."""
        cdef Columns* columns = &batch.columns
        cdef Chunk chunk
        cdef bint rewrite
        with nogil:
            rewrite = self.choose(columns)
            if not rewrite:
                self.compact(columns)
        if rewrite:
            chunk = self.chunk
            if chunk is None or Py_REFCNT(<PyObject*>chunk) > 2:
                chunk = Chunk()
                self.chunk = chunk
            self.out.data = chunk.data
            self.out.capacity = chunk.capacity
            self.out.used = 0
            self.out.failed = False
            with nogil:
                self.rewrite(columns)
            chunk.data = self.out.data
            chunk.capacity = self.out.capacity
            chunk.used = self.out.used
            batch.chunk = chunk
            columns.data = chunk.data
        if self.failed or self.out.failed:
            raise MemoryError

    cdef bint choose(self, Columns* columns) noexcept nogil:
        """Find what happens to each row; False if none needs more than to stay or to go."""
        cdef uint32_t row
        cdef uint16_t type, chosen
        cdef uint8_t fate
        cdef bint rewrite = False
        for row in range(columns.count):
            type = columns.type[row]
            fate = fates[type]
            chosen = ROW_PASSES
            if fate == FATE_DROP:
                chosen = ROW_DROPPED
            elif fate == FATE_BY_RULE or (fate == FATE_BY_RULE_IF_SHORTER
                                          and columns.nparams[row] < events_modern[type].nparams):
                chosen = find_rule(type, columns.nparams[row])
                if chosen:
                    rewrite = True
                elif not type & 1:
                    chosen = ROW_DROPPED
            self.chosen[row] = chosen
        return rewrite

    cdef void compact(self, Columns* columns) noexcept nogil:
        """Take out the rows that are dropped."""
        cdef uint32_t row
        cdef uint32_t count = 0
        for row in range(columns.count):
            if self.chosen[row] == ROW_DROPPED:
                continue
            if count != row:
                columns.offset[count] = columns.offset[row]
                columns.type[count] = columns.type[row]
                columns.nparams[count] = columns.nparams[row]
                columns.form[count] = columns.form[row]
                columns.mark[count] = columns.mark[row]
            count += 1
        columns.count = count

    cdef void rewrite(self, Columns* columns) noexcept nogil:
        """Put the events of a batch into the new bytes, each in its newest form."""
        cdef uint32_t row, offset
        cdef uint32_t count = 0
        cdef uint16_t chosen, type
        cdef uint8_t action, form
        cdef uint8_t place
        cdef const Rule* rule
        cdef const uint8_t* data = columns.data
        cdef Event event
        for row in range(columns.count):
            chosen = self.chosen[row]
            if chosen == ROW_DROPPED:
                continue
            place_event(&event, data + columns.offset[row], columns.type[row], columns.nparams[row], columns.form[row],
                        events_modern, parameters_modern)
            type = event.type
            form = event.form
            action = ACTION_PASS
            rule = NULL
            if chosen:
                rule = &rules[chosen - 1]
                action = rule.action
                if action == ACTION_DROP:
                    continue
            if action == ACTION_STORE and rule.count == AS_IT_IS:
                # Most enter events: nothing is copied unless the batch ends before the exit event comes.
                self.store(&event, columns.offset[row], PLACE_BATCH)
                continue
            if rule == NULL or rule.count == AS_IT_IS:
                offset = self.copy(&event)
            else:
                offset = self.build(&event, data, chosen - 1, &form)
                type = rule.to
                place_event(&event, self.out.data + offset, type, rule.count, form, events_modern, parameters_modern)
            if self.out.failed:
                return
            if action == ACTION_STORE or action == ACTION_STORE_AND_PASS:
                place_event(&event, self.out.data + offset, type, <uint16_t>event.nparams, form, events_modern,
                            parameters_modern)
                self.store(&event, offset, PLACE_NEW)
                if action == ACTION_STORE:
                    continue
            columns.mark[count] = columns.mark[row]
            if rule != NULL and not type & 1 and events_modern[type].flags & EF_FROM_SYSCALL:
                # It is passed on for what it says to the tables, but newer tools show the exit event alone.
                columns.mark[count] |= MARK_HIDDEN
            columns.offset[count] = offset
            columns.type[count] = type
            columns.nparams[count] = <uint16_t>event.nparams
            columns.form[count] = form
            count += 1
        columns.count = count
        self.settle(data)

    cdef uint32_t copy(self, const Event* event) noexcept nogil:
        """Put an event into the new bytes as it is; the offset of its header there."""
        cdef uint32_t before = 6 if event.form & FORM_FLAGS else 2
        cdef uint32_t length = end_of(event)
        cdef uint32_t offset
        put_bytes(&self.out, event.header - before, before + length)
        if self.out.failed:
            return 0
        offset = <uint32_t>(self.out.used - length)
        memcpy(self.out.data + offset + 16, &length, 4)
        return offset

    cdef uint32_t build(self, const Event* event, const uint8_t* data, uint16_t rule, uint8_t* form) noexcept nogil:
        """Put the newest form of an event into the new bytes; the offset of its header there."""
        cdef const ParameterOrigin* origin = &origins[rules[rule].first]
        cdef uint32_t count = rules[rule].count
        cdef uint32_t before = 6 if event.form & FORM_FLAGS else 2
        cdef uint16_t type = rules[rule].to
        cdef bint large = events_modern[type].flags & EF_LARGE_PAYLOAD
        cdef uint32_t width = 4 if large else 2
        cdef size_t start = self.out.used
        cdef size_t offset = start + before
        cdef size_t lengths = offset + 26
        cdef uint32_t index, length, total, source
        cdef uint16_t short_length
        cdef const uint8_t* value
        cdef const uint8_t* values = event.values
        cdef uint32_t passed = 0     # parameters of the old form that lie before `values`
        cdef bint sought = False
        cdef bint found = False
        cdef bint stays
        cdef Event enter
        form[0] = (event.form & FORM_FLAGS) | FORM_COUNTED | (FORM_LARGE if large else 0)
        if not reserve(&self.out, before + 26 + count * width):
            return 0
        memcpy(self.out.data + start, event.header - before, before + 22)
        memcpy(self.out.data + offset + 20, &type, 2)
        memcpy(self.out.data + offset + 22, &count, 4)
        self.out.used = lengths + count * width
        for index in range(count):
            value = NULL
            length = origin.length
            # A form between two that the rules know has parameters for which they name no origin: they stay.
            stays = origin.source == FROM_FILL and type == event.type
            source = index if stays else origin.param
            if origin.source == FROM_OLD or stays:
                if source < event.nparams:
                    # Nearly always the next one.
                    if source < passed:
                        passed = 0
                        values = event.values
                    while passed < source:
                        values += parameter_length(event, passed)
                        passed += 1
                    value = values
                    length = parameter_length(event, source)
            elif origin.source == FROM_ENTER:
                if not sought:
                    sought = True
                    found = self.find_enter(event.tid, origin.enter, data, &enter)
                if found and enter.type == origin.enter and origin.param < enter.nparams:
                    value = parameter(&enter, origin.param, &length)
            elif origin.source == FROM_CONTAINER:
                total = <uint32_t>self.out.used
                self.put_container(event)
                if self.out.failed:
                    return 0
                length = <uint32_t>self.out.used - total
                self.out.used = total
                value = self.out.data + total
            if length > origin.cap:
                length = origin.cap
            if not reserve(&self.out, length):
                return 0
            if origin.source == FROM_CONTAINER:
                pass
            elif value != NULL:
                memcpy(self.out.data + self.out.used, value, length)
            elif length:
                memset(self.out.data + self.out.used, origin.fill, length)
            self.out.used += length
            if large:
                memcpy(self.out.data + lengths + 4 * index, &length, 4)
            else:
                short_length = <uint16_t>length
                memcpy(self.out.data + lengths + 2 * index, &short_length, 2)
            origin += 1
        if found:
            self.forget(event.tid)
        total = <uint32_t>(self.out.used - offset)
        memcpy(self.out.data + offset + 16, &total, 4)
        return <uint32_t>offset

    cdef void put_container(self, const Event* event) noexcept nogil:
        """The JSON record of the oldest container event."""
        cdef uint32_t length
        cdef const uint8_t* data = parameter(event, 0, &length)
        put_text(&self.out, b"{\"id\":")
        put_json_text(&self.out, data, text_length(data, length))
        put_text(&self.out, b",\"type\":")
        put_unsigned(&self.out, parameter_unsigned(event, 1, 0))
        put_text(&self.out, b",\"name\":")
        data = parameter(event, 2, &length)
        put_json_text(&self.out, data, text_length(data, length))
        put_text(&self.out, b",\"image\":")
        data = parameter(event, 3, &length)
        put_json_text(&self.out, data, text_length(data, length))
        put_byte(&self.out, 125)
        put_byte(&self.out, 0)

    cdef bint find_enter(self, int64_t tid, uint16_t type, const uint8_t* data, Event* enter) noexcept nogil:
        """Point at the enter event that waits for an exit event of a thread; False if there is none of that type."""
        cdef uint32_t number = map_get(&self.by_tid, tid)
        cdef Pending* pending = &self.pending[number]
        cdef const uint8_t* header
        if not number or pending.type != type:
            return False
        if pending.place == PLACE_OWNED:
            header = pending.owned
        elif pending.place == PLACE_BATCH:
            header = data + pending.offset
        else:
            # Room first: what is found must not move while it is copied to the end of the same bytes.
            if not reserve(&self.out, 1 << 17):
                return False
            header = self.out.data + pending.offset
        place_event(enter, header, pending.type, pending.nparams, pending.form, events_modern, parameters_modern)
        return True

    cdef void forget(self, int64_t tid) noexcept nogil:
        """An enter event has given what it had."""
        cdef uint32_t number = map_remove(&self.by_tid, tid)
        if number:
            self.pending[number].type = 0xFFFF
            self.free_numbers[self.free_count] = number
            self.free_count += 1

    cdef void store(self, const Event* event, uint32_t offset, uint8_t place) noexcept nogil:
        """Let an enter event wait; a former one of the thread is forgotten."""
        cdef uint32_t number = map_get(&self.by_tid, event.tid)
        cdef uint32_t capacity
        cdef Pending* grown
        cdef uint32_t* numbers
        cdef Pending* pending
        if not number:
            if self.free_count:
                self.free_count -= 1
                number = self.free_numbers[self.free_count]
            elif self.pending_count >= LIMIT_THREADS:
                return
            else:
                if self.pending_count >= self.pending_capacity:
                    capacity = self.pending_capacity * 2 if self.pending_capacity else 256
                    grown = <Pending*>realloc(self.pending, capacity * sizeof(Pending))
                    if grown != NULL:
                        self.pending = grown
                    numbers = <uint32_t*>realloc(self.free_numbers, capacity * sizeof(uint32_t))
                    if numbers != NULL:
                        self.free_numbers = numbers
                    if grown == NULL or numbers == NULL:
                        self.failed = True
                        return
                    memset(self.pending + self.pending_capacity, 0,
                           (capacity - self.pending_capacity) * sizeof(Pending))
                    self.pending_capacity = capacity
                number = self.pending_count
                self.pending_count += 1
            if not map_put(&self.by_tid, event.tid, number):
                self.failed = True
                return
        pending = &self.pending[number]
        pending.tid = event.tid
        pending.type = event.type
        pending.nparams = <uint16_t>event.nparams
        pending.form = event.form
        pending.offset = offset
        pending.place = place
        if not pending.listed:
            pending.listed = 1
            self.recent[self.recent_count] = number
            self.recent_count += 1

    cdef void settle(self, const uint8_t* data) noexcept nogil:
        """Give the enter events that still wait at the end of a batch a memory of their own."""
        cdef uint32_t index, length
        cdef Pending* pending
        cdef uint8_t* grown
        cdef Event event
        for index in range(self.recent_count):
            pending = &self.pending[self.recent[index]]
            pending.listed = 0
            if pending.type == 0xFFFF or pending.place == PLACE_OWNED:
                continue
            place_event(&event, (data if pending.place == PLACE_BATCH else self.out.data) + pending.offset, pending.type,
                        pending.nparams, pending.form, events_modern, parameters_modern)
            length = end_of(&event)
            if length > pending.capacity:
                grown = <uint8_t*>realloc(pending.owned, length + 64)
                if grown == NULL:
                    self.failed = True
                    continue
                pending.owned = grown
                pending.capacity = length + 64
            memcpy(pending.owned, event.header, length)
            pending.place = PLACE_OWNED
        self.recent_count = 0
