"""Values of a field gathered in one of Arrow's layouts from the start."""

from libc.stdint cimport INT32_MAX, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from scapcore.arrow cimport ArrowValues
from scapcore.batch cimport EventBatch
from scapcore.buffer cimport Buffer, put_bytes, release
from scapcore.event cimport FieldReader
from scapcore.events cimport FORM_FLAGS, TYPE_KEYS, Columns, Event, event_number, load16, load64, type_key
from scapcore.fields cimport (ROOM_FD, SCOPE_FD, SCOPE_THREAD, SCOPE_TYPE, FieldUse, Value, extract, move_scope)
from scapcore.memory cimport Memory, buffer_of, look_at, more_room, packed, packed_signs, take_over
from scapcore.names cimport ADDRESS_SIZE, address_text
from scapcore.paths cimport *
from scapcore.schema.tables cimport EVENT_COUNT, EventType, events_classic, events_modern
from scapcore.schema.types cimport *
from scapcore.strings cimport Strings, length_of, strings_add, strings_close, strings_open, text_of
from scapcore.utf8 cimport put_utf8

from scapcore.errors import UnsupportedCaptureError

cdef extern from "Python.h":
    Py_ssize_t PyList_GET_SIZE(object list) nogil


cdef enum Layout:
    LAYOUT_NUMBERS = 1       # of a fixed width
    LAYOUT_BITS              # booleans
    LAYOUT_CODES             # texts by their numbers in a dictionary
    LAYOUT_BYTES             # texts or bytes one behind the other
    LAYOUT_VIEWS             # bytes where they stand in the capture
    LAYOUT_LISTS             # of texts

LAYOUTS = {"numbers": LAYOUT_NUMBERS, "bits": LAYOUT_BITS, "codes": LAYOUT_CODES, "bytes": LAYOUT_BYTES,
           "views": LAYOUT_VIEWS, "lists": LAYOUT_LISTS}

cdef dict PLAIN_PATHS = {"evt.num": PATH_NUMBER, "evt.rawtime": PATH_TIME, "evt.time": PATH_TIME, "evt.datetime": PATH_TIME,
                         "thread.tid": PATH_TID, "evt.cpu": PATH_CPU}
cdef dict SHARED_PATHS = {SCOPE_TYPE: PATH_TYPE, SCOPE_THREAD: PATH_THREAD, SCOPE_FD: PATH_FD}

cdef uint64_t MISSING_CODE = <uint64_t>-1

cdef enum:
    NEW_DICTIONARY = 1 << 14     # texts after which the next record batch begins another one
    INLINE_BYTES = 12            # of a view
    SPARSE = 4                   # payloads are copied where less than one byte of so many of a batch is wanted


cdef struct View:
    # An element of a column of views (Arrow columnar format, "variable-size binary view layout")
    int32_t length
    uint8_t prefix[4]            # of a short one: the first of its twelve bytes
    int32_t buffer
    int32_t offset


cdef class ArrowColumn:
    """Gathers the values of one field in one of Arrow's layouts.

    Parameters
    ----------
    reader : scapcore.event.FieldReader
        Shared by the columns of one pass.
    use : scapcore.fields.FieldUse
        The field.
    layout : str
        ``numbers``, ``bits``, ``codes``, ``bytes``, ``views`` or ``lists``.
    format : bytes
        Format string of the values: ``l`` and ``L`` (64 bits), ``s`` (16 bits), ``g``, ``tsn:UTC`` and ``tDn`` for
        numbers; ``u`` (text: what is not UTF-8 is replaced) or ``z`` (as it is) for codes, bytes and lists.
    """

    def __cinit__(self, FieldReader reader, FieldUse use, str layout, bytes format):
        self.reader = reader
        self.use = use
        self.layout = LAYOUTS[layout]
        self.format = format
        self.utf8 = format == b"u"
        # A span that wrapped around is negative, as that of an event before the first one that counts.
        self.signed_only = format == b"tsn:UTC"
        self.windows = []
        self.path = PATH_EVENT
        self.width = {LAYOUT_NUMBERS: 2 if format == b"s" else 8, LAYOUT_BITS: 1, LAYOUT_VIEWS: sizeof(View)}.get(
            self.layout, 4)
        if self.layout in (LAYOUT_NUMBERS, LAYOUT_BITS, LAYOUT_CODES):
            self.path = PLAIN_PATHS.get(use.name, 0) or SHARED_PATHS.get(use.field.scope, PATH_EVENT)
        memset(&self.texts, 0, sizeof(Strings))
        if self.layout == LAYOUT_CODES and not strings_open(&self.texts):
            raise MemoryError

    def __dealloc__(self):
        free(self.values)
        free(self.present)
        free(self.known)
        free(self.pieces)
        release(&self.bytes)
        release(&self.items)
        if self.texts.rows != NULL:
            strings_close(&self.texts)

    # -----------------------------------------------------------------------------------------------------
    # Room

    cdef bint room(self, size_t more) except False:
        cdef size_t wanted = self.capacity or self.usual or 1024
        cdef size_t extra = 1 if self.layout == LAYOUT_BYTES or self.layout == LAYOUT_LISTS else 0
        cdef void* grown
        while wanted < self.count + more + extra:
            wanted *= 2
        if wanted == self.capacity:
            return True
        grown = more_room(self.values, wanted * self.width)
        if grown == NULL:
            raise MemoryError
        self.values = <uint8_t*>grown
        if extra and not self.capacity:
            (<int32_t*>self.values)[0] = 0
        if self.present != NULL:
            grown = realloc(self.present, wanted)
            if grown == NULL:
                raise MemoryError
            self.present = <uint8_t*>grown
            memset(self.present + self.capacity, 1, wanted - self.capacity)
        self.capacity = wanted
        return True

    cdef void miss(self, size_t index) noexcept nogil:
        """Note that a value is missing."""
        if self.present == NULL:
            self.present = <uint8_t*>malloc(self.capacity)
            if self.present == NULL:
                self.failed = True
                return
            memset(self.present, 1, self.capacity)
        self.present[index] = 0

    cdef bint begin(self, EventBatch batch) except False:
        """Forget the values of rows, which may be other rows in this batch, and have room for all that there are."""
        cdef uint32_t wanted = 0
        cdef const EventType* types = events_modern if batch.engine is not None and batch.engine.modern else events_classic
        cdef void* grown
        if self.path == PATH_TYPE:
            wanted = TYPE_KEYS        # types stay what they are
            self.stamp = self.stamp or 1
        elif self.path == PATH_THREAD or self.path == PATH_FD:
            if batch.engine is not None:
                wanted = batch.engine.state.threads.count if self.path == PATH_THREAD else batch.engine.state.fds.count
            if self.path == PATH_FD:
                if not self.stamp:
                    self.settle(types)
                self.base = wanted
                wanted += EVENT_COUNT
            self.next_stamp()
        if wanted > self.known_capacity:
            wanted += wanted // 2
            grown = realloc(self.known, <size_t>wanted * sizeof(Known))
            if grown == NULL:
                raise MemoryError
            self.known = <Known*>grown
            memset(self.known + self.known_capacity, 0, <size_t>(wanted - self.known_capacity) * sizeof(Known))
            self.known_capacity = wanted
        return True

    cdef void settle(self, const EventType* types) noexcept:
        """Say for each type of event how it comes to a value of its descriptor."""
        cdef uint32_t type
        cdef uint32_t flags
        cdef bint own = self.use.field.room == ROOM_FD
        cdef Way* way
        for type in range(EVENT_COUNT):
            way = &self.ways[type]
            flags = types[type].flags
            # A connect that goes on has a name of its own.
            way.by_row = <uint32_t>-1 if type != SOCKET_CONNECT_X and flags & (
                EF_CREATES_FD | EF_USES_FD | EF_DESTROYS_FD) else 0
            # Without a descriptor there is nothing but the type to tell, before a call that makes one as for other calls.
            way.alone = 1 if not own or (flags & (EF_USES_FD | EF_DESTROYS_FD)) or (flags & EF_CREATES_FD and type & 1) else 0

    cdef void next_stamp(self) noexcept:
        self.stamp += 1
        if self.stamp == 0:
            memset(self.known, 0, self.known_capacity * sizeof(Known))
            self.stamp = 1

    # -----------------------------------------------------------------------------------------------------
    # Taking values

    cdef const uint8_t* text_at(self, const Value* value, char* address, size_t* length) noexcept nogil:
        """The bytes of a text or address; NULL where an address has no text."""
        if value.type == PT_IPADDR and self.utf8:
            length[0] = address_text(value.data, value.length, address)
            return <const uint8_t*>address if length[0] else NULL
        length[0] = value.length
        return value.data if value.data != NULL else <const uint8_t*>b""

    cdef bint find(self, EventBatch batch, uint32_t row, uint64_t* number) noexcept nogil:
        """Take the number, or the code of the text, at one event; False where it is missing."""
        cdef Value value
        cdef char address[ADDRESS_SIZE]
        cdef size_t length
        cdef const uint8_t* text
        number[0] = 0
        move_scope(&self.reader.scope, batch, row)
        if not extract(&self.use.field, &self.reader.scope, &value):
            return False
        if self.layout == LAYOUT_CODES:
            text = self.text_at(&value, address, &length)
            if text == NULL:
                return False
            number[0] = strings_add(&self.texts, text, length)
        elif value.type == PT_DOUBLE:
            memcpy(number, &value.real, 8)
        elif self.layout == LAYOUT_BITS:
            number[0] = value.integer != 0
        else:
            number[0] = <uint64_t>value.integer
        return True

    cdef void put(self, size_t index, bint found, uint64_t number) noexcept nogil:
        if self.layout == LAYOUT_CODES:
            (<int32_t*>self.values)[index] = <int32_t>number if found else -1
            return
        if self.width == 8:
            (<uint64_t*>self.values)[index] = number
        elif self.width == 2:
            (<int16_t*>self.values)[index] = <int16_t>number
        else:
            self.values[index] = <uint8_t>number
        if not found:
            self.miss(index)

    cdef Known* know(self, EventBatch batch, uint32_t row, uint32_t key) noexcept nogil:
        """Find the value for a type or row at an event that has it."""
        cdef Known* place = &self.known[key]
        place.present = self.find(batch, row, &place.number)
        if self.layout == LAYOUT_CODES and not place.present:
            place.number = MISSING_CODE
        place.stamp = self.stamp
        return place

    cdef void put_alone(self, EventBatch batch, uint32_t row, size_t index) noexcept nogil:
        """Set a value that the event does not share."""
        cdef uint64_t number
        cdef bint found = self.find(batch, row, &number)
        self.put(index, found, number)

    cdef void take_by_type(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil:
        """Append values that are the same for all events of a type."""
        cdef const uint16_t* types = batch.columns.type
        cdef int32_t* codes = <int32_t*>self.values + self.count
        cdef bint coded = self.layout == LAYOUT_CODES
        cdef Known* known = self.known
        cdef Known* place
        cdef uint32_t stamp = self.stamp
        cdef uint32_t key
        cdef Event event
        cdef size_t index
        for index in range(size):
            key = types[rows[index]]
            if key == GENERIC_E or key == GENERIC_X:
                batch.place(&event, rows[index])
                key = type_key(&event)
                if not key:
                    self.put_alone(batch, rows[index], self.count + index)
                    continue
            place = &known[key]
            if place.stamp != stamp:
                place = self.know(batch, rows[index], key)
            if coded:
                codes[index] = <int32_t>place.number
            else:
                self.put(self.count + index, place.present, place.number)

    cdef void take_by_thread(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil:
        """Append values that all events with the same row of their thread have in common."""
        cdef const uint32_t* threads = batch.columns.thread
        cdef int32_t* codes = <int32_t*>self.values + self.count
        cdef bint coded = self.layout == LAYOUT_CODES
        cdef Known* known = self.known
        cdef Known* place
        cdef uint32_t stamp = self.stamp
        cdef uint32_t key
        cdef size_t index
        for index in range(size):
            # Events without a thread have row 0 in common, and with it what there is to say.
            key = threads[rows[index]]
            place = &known[key]
            if place.stamp != stamp:
                place = self.know(batch, rows[index], key)
            if coded:
                codes[index] = <int32_t>place.number
            else:
                self.put(self.count + index, place.present, place.number)

    cdef void take_by_fd(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil:
        """Append values that all events with the same row of their descriptor have in common."""
        cdef const uint32_t* threads = batch.columns.thread
        cdef const uint32_t* fds = batch.columns.fd
        cdef const uint16_t* types = batch.columns.type
        cdef int32_t* codes = <int32_t*>self.values + self.count
        cdef bint coded = self.layout == LAYOUT_CODES
        cdef Known* known = self.known
        cdef Known* place
        cdef uint32_t stamp = self.stamp
        cdef uint32_t base = self.base
        cdef uint32_t row, key, type
        cdef const Way* way
        cdef size_t index
        for index in range(size):
            row = rows[index]
            type = types[row]
            way = &self.ways[type]
            key = fds[row] & way.by_row
            if (way.alone & (key == 0)) | (threads[row] == 0):
                self.put_alone(batch, row, self.count + index)
                continue
            # Calls take turns that no processor foresees: no branch here.
            key |= (base + type) & -<uint32_t>(key == 0)
            place = &known[key]
            if place.stamp != stamp:
                place = self.know(batch, row, key)
            if coded:
                codes[index] = <int32_t>place.number
            else:
                self.put(self.count + index, place.present, place.number)

    cdef void take_plain(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil:
        """Append values that only need to be copied."""
        cdef Columns columns = batch.columns
        cdef const uint8_t* data = columns.data
        cdef const uint32_t* offsets = columns.offset
        cdef uint64_t* numbers = <uint64_t*>self.values + self.count
        cdef int16_t* shorts = <int16_t*>self.values + self.count
        cdef const uint8_t* header
        cdef size_t index
        if self.path == PATH_NUMBER:
            if columns.origin == NULL:
                for index in range(size):
                    numbers[index] = columns.first_number + rows[index]
            else:
                for index in range(size):
                    numbers[index] = event_number(&columns, rows[index])
        elif self.path == PATH_TIME:
            for index in range(size):
                numbers[index] = load64(data + offsets[rows[index]])
        elif self.path == PATH_TID:
            for index in range(size):
                numbers[index] = load64(data + offsets[rows[index]] + 8)
        else:
            for index in range(size):
                header = data + offsets[rows[index]]
                shorts[index] = <int16_t>load16(header - (6 if columns.form[rows[index]] & FORM_FLAGS else 2))

    cdef void drop_beyond(self, size_t start) noexcept nogil:
        """Moments that do not fit into the type are missing."""
        cdef const uint64_t* numbers = <const uint64_t*>self.values
        cdef uint64_t all = 0
        cdef size_t index
        for index in range(start, self.count):
            all |= numbers[index]
        if all >> 63:
            for index in range(start, self.count):
                if numbers[index] >> 63:
                    self.miss(index)

    cdef void take_bytes(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil:
        """Append texts or bytes, or lists of texts."""
        cdef int32_t* offsets = <int32_t*>self.values
        cdef bint lists = self.layout == LAYOUT_LISTS
        cdef Value value
        cdef char address[ADDRESS_SIZE]
        cdef const uint8_t* text
        cdef size_t length = 0
        cdef size_t index
        for index in range(size):
            move_scope(&self.reader.scope, batch, rows[index])
            text = NULL
            if extract(&self.use.field, &self.reader.scope, &value):
                text = self.text_at(&value, address, &length)
            if text == NULL:
                self.miss(self.count + index)
            elif lists:
                self.put_items(text, length)
            elif self.utf8:
                put_utf8(&self.bytes, text, length)
            else:
                put_bytes(&self.bytes, text, length)
            offsets[self.count + index + 1] = <int32_t>(self.item_count if lists else self.bytes.used)
            if self.bytes.used > <size_t>INT32_MAX:
                self.failed = True
                return

    cdef void put_items(self, const uint8_t* text, size_t length) noexcept nogil:
        """Append the items of a list, each of which ends with a NUL."""
        cdef size_t place = 0
        cdef size_t end
        cdef int32_t offset = <int32_t>self.bytes.used
        while place < length:
            put_bytes(&self.items, &offset, 4)
            end = place
            while end < length and text[end]:
                end += 1
            put_utf8(&self.bytes, text + place, end - place)
            offset = <int32_t>self.bytes.used
            self.item_count += 1
            place = end + 1

    cdef void find_pieces(self, EventBatch batch, const uint32_t* rows, size_t size) noexcept nogil:
        """See which payloads there are. What does not stand in the capture is copied, as its place is used again."""
        cdef const uint8_t* start = batch.columns.data
        cdef const uint8_t* end = batch.chunk.data + batch.chunk.used
        cdef Piece* piece
        cdef Value value
        cdef size_t index
        for index in range(size):
            piece = &self.pieces[index]
            move_scope(&self.reader.scope, batch, rows[index])
            piece.present = extract(&self.use.field, &self.reader.scope, &value)
            piece.length = value.length if piece.present else 0
            piece.data = value.data
            if piece.length and not (start <= piece.data and piece.data + piece.length <= end):
                # A place in the copied bytes; these may still move.
                piece.present = 2
                piece.data = <const uint8_t*>NULL + self.bytes.used
                put_bytes(&self.bytes, value.data, value.length)

    cdef bint take_views(self, EventBatch batch, const uint32_t* rows, size_t size) except False:
        """Append payloads without copying them, unless little is wanted of much memory."""
        cdef const uint8_t* start = batch.columns.data
        cdef size_t wanted = 0
        cdef size_t extent = 0
        cdef size_t index
        cdef bint look
        cdef Piece* piece
        cdef View* view
        cdef void* grown
        if size > self.piece_capacity:
            grown = realloc(self.pieces, size * sizeof(Piece))
            if grown == NULL:
                raise MemoryError
            self.pieces = <Piece*>grown
            self.piece_capacity = size
        with nogil:
            self.find_pieces(batch, rows, size)
            for index in range(size):
                piece = &self.pieces[index]
                if piece.present == 1 and piece.length > INLINE_BYTES:
                    wanted += piece.length
                    if <size_t>(piece.data + piece.length - start) > extent:
                        extent = <size_t>(piece.data + piece.length - start)
        # A mapped file costs no memory; a piece of a stream is all kept for what is looked at in it.
        look = wanted and extent <= <size_t>INT32_MAX and (batch.chunk.viewed or wanted * SPARSE > batch.chunk.capacity)
        if look:
            self.windows.append(look_at(batch.chunk, start, extent))
            self.held += 0 if batch.chunk.viewed else batch.chunk.capacity
        with nogil:
            for index in range(size):
                piece = &self.pieces[index]
                view = <View*>self.values + self.count + index
                memset(view, 0, sizeof(View))
                if not piece.present:
                    self.miss(self.count + index)
                    continue
                view.length = <int32_t>piece.length
                if piece.present == 2:
                    view.offset = <int32_t>(<size_t>piece.data)
                    piece.data = self.bytes.data + <size_t>piece.data
                    if piece.length > INLINE_BYTES:
                        memcpy(view.prefix, piece.data, 4)
                        continue
                    view.offset = 0
                if piece.length <= INLINE_BYTES:
                    memcpy(view.prefix, piece.data, piece.length)
                    continue
                memcpy(view.prefix, piece.data, 4)
                if look:
                    view.buffer = <int32_t>(<size_t>PyList_GET_SIZE(self.windows))
                    view.offset = <int32_t>(piece.data - start)
                else:
                    view.offset = <int32_t>self.bytes.used
                    put_bytes(&self.bytes, piece.data, piece.length)
            if self.bytes.used > <size_t>INT32_MAX:
                self.failed = True
        return True

    cdef bint take(self, EventBatch batch, const uint32_t* rows, size_t size) except False:
        """Append the values at some rows of a batch."""
        cdef size_t index
        cdef uint64_t number
        cdef bint found
        batch.require(self.use.field.needs)
        self.reader.bind(batch)
        self.room(size)
        self.begin(batch)
        if self.layout == LAYOUT_VIEWS:
            self.take_views(batch, rows, size)
        else:
            with nogil:
                if self.layout == LAYOUT_BYTES or self.layout == LAYOUT_LISTS:
                    self.take_bytes(batch, rows, size)
                elif self.path >= PATH_NUMBER:
                    self.take_plain(batch, rows, size)
                elif self.path == PATH_TYPE:
                    self.take_by_type(batch, rows, size)
                elif self.path == PATH_THREAD:
                    self.take_by_thread(batch, rows, size)
                elif self.path == PATH_FD:
                    self.take_by_fd(batch, rows, size)
                else:
                    for index in range(size):
                        found = self.find(batch, rows[index], &number)
                        self.put(self.count + index, found, number)
        self.count += size
        if self.signed_only:
            self.drop_beyond(self.count - size)
        if self.failed or self.bytes.failed or self.items.failed:
            if self.bytes.used > <size_t>INT32_MAX:
                raise UnsupportedCaptureError(f"more than 2 GiB of {self.use.name} in a few thousand events")
            raise MemoryError
        return True

    # -----------------------------------------------------------------------------------------------------
    # Handing over

    cdef object bitmap(self, size_t* missing):
        """Which values are there, a bit each, None if all are."""
        cdef size_t index
        missing[0] = 0
        if self.layout == LAYOUT_CODES:
            return packed_signs(<int32_t*>self.values, self.count, missing)
        if self.present == NULL:
            return None
        for index in range(self.count):
            missing[0] += not self.present[index]
        return packed(self.present, self.count)

    cdef ArrowValues texts_now(self):
        """The dictionary: the same object for as long as no text is added."""
        cdef Buffer data
        cdef int32_t* offsets
        cdef void* place
        cdef uint32_t index
        cdef uint32_t count = self.texts.count
        if self.dictionary is not None and self.dictionary_count == count:
            return self.dictionary
        memset(&data, 0, sizeof(Buffer))
        place = malloc((<size_t>count + 1) * 4)
        if place == NULL:
            raise MemoryError
        offsets = <int32_t*>place
        offsets[0] = 0
        for index in range(count):
            if self.utf8:
                put_utf8(&data, text_of(&self.texts, index), length_of(&self.texts, index))
            else:
                put_bytes(&data, text_of(&self.texts, index), length_of(&self.texts, index))
            offsets[index + 1] = <int32_t>data.used
            if data.used > <size_t>INT32_MAX:
                data.failed = True
        if data.failed:
            free(place)
            release(&data)
            raise MemoryError
        self.dictionary = ArrowValues(count, 0, (None, take_over(&place, (<size_t>count + 1) * 4), buffer_of(&data)))
        self.dictionary_count = count
        return self.dictionary

    cdef ArrowValues finish(self):
        """The column so far; the next values begin another one."""
        cdef size_t missing
        cdef size_t count = self.count
        cdef size_t index
        cdef void* place
        cdef object there = self.bitmap(&missing)
        cdef Memory values
        cdef ArrowValues result
        cdef int64_t* sizes
        if not self.capacity:
            self.room(1)
        self.usual = self.capacity
        if self.layout == LAYOUT_BITS:
            result = ArrowValues(count, missing, (there, packed(self.values, count)))
        else:
            place = self.values
            values = take_over(&place, (count + 1 if self.layout in (LAYOUT_BYTES, LAYOUT_LISTS) else count) * self.width)
            self.values = NULL
            if self.layout == LAYOUT_NUMBERS:
                result = ArrowValues(count, missing, (there, values))
            elif self.layout == LAYOUT_CODES:
                result = ArrowValues(count, missing, (there, values), (), self.texts_now())
            elif self.layout == LAYOUT_BYTES:
                result = ArrowValues(count, missing, (there, values, buffer_of(&self.bytes)))
            elif self.layout == LAYOUT_LISTS:
                self.put_items_end()
                index = self.item_count
                result = ArrowValues(count, missing, (there, values), (
                    ArrowValues(index, 0, (None, buffer_of(&self.items), buffer_of(&self.bytes))),))
            else:
                place = malloc((len(self.windows) + 1) * 8)
                if place == NULL:
                    raise MemoryError
                sizes = <int64_t*>place
                sizes[0] = self.bytes.used
                for index in range(<size_t>len(self.windows)):
                    sizes[index + 1] = memoryview(self.windows[index]).nbytes
                result = ArrowValues(count, missing, (
                    there, values, buffer_of(&self.bytes), *self.windows, take_over(&place, (len(self.windows) + 1) * 8)))
        free(self.values)
        self.values = NULL
        free(self.present)
        self.present = NULL
        self.count = self.capacity = self.item_count = self.held = 0
        self.windows = []
        if self.layout == LAYOUT_CODES and self.texts.count > NEW_DICTIONARY:
            strings_close(&self.texts)
            if not strings_open(&self.texts):
                raise MemoryError
            self.dictionary = None
            self.next_stamp()
        return result

    cdef int put_items_end(self) except -1:
        cdef int32_t offset = <int32_t>self.bytes.used
        put_bytes(&self.items, &offset, 4)
        if self.items.failed:
            raise MemoryError
        return 0
