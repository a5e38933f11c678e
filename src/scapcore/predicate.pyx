"""Filters over batches: a plan becomes a tree of nodes that work on vectors of row numbers.

A node takes ascending row numbers and gives those of them that it chooses. `and` hands what one child chose to the
next, the cheapest first; `or` asks each further child only about the rest; `not` is the complement within its input.
Whatever depends on nothing but the event type, the thread row or the descriptor row is judged once for each of
these and looked up from then on, whole sub-trees at a time. Internal to the core.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from scapcore.batch cimport EventBatch
from scapcore.compare cimport *
from scapcore.engine cimport Engine
from scapcore.events cimport (BATCH_EVENTS, MARK_ERROR, MARK_FD, MARK_HIDDEN, MARK_RENAMED, TYPE_KEYS, Columns, Event, load64,
                              type_key)
from scapcore.fields cimport *
from scapcore.fields_fd cimport fd_ends
from scapcore.hashing cimport map_free, map_get, map_put, map_remove
from scapcore.nodes cimport *
from scapcore.schema.tables cimport EVENT_COUNT, EventType, events_classic, events_modern
from scapcore.schema.types cimport *
from scapcore.state cimport *
from scapcore.text cimport text_begin, text_close, text_open
from scapcore.transforms cimport *

cdef bint is_steady(const Node* node) noexcept nogil:
    """Whether what a node says does not change when calls are forgotten: the rows of an event stay what they were."""
    cdef uint32_t index
    if is_cached(node) and node.cache.verdicts != NULL:
        return True
    if node.kind != NODE_AND and node.kind != NODE_OR and node.kind != NODE_NOT:
        return False
    for index in range(node.child_count):
        if not is_steady(node.children[index]):
            return False
    return True


# Ancestors that are asked at the most; far more than any machine has above each other.
cdef int MOST_ANCESTORS = 4096


cdef inline int64_t thread_id(const Columns* columns, uint32_t row) noexcept nogil:
    return <int64_t>load64(columns.data + columns.offset[row] + 8)


cdef uint32_t replace_rows(uint32_t* rows, uint32_t count, const uint32_t* asked, uint32_t asked_count,
                           const uint32_t* hits, uint32_t hit_count, uint32_t* room, uint64_t* lost) noexcept nogil:
    """Rows without those that were asked about again, but with those of them that were hit; all ascend."""
    cdef uint32_t place = 0
    cdef uint32_t asked_place = 0
    cdef uint32_t hit = 0
    cdef uint32_t kept = 0
    while place < count or hit < hit_count:
        if hit < hit_count and (place == count or hits[hit] <= rows[place]):
            place += place < count and hits[hit] == rows[place]
            room[kept] = hits[hit]
            hit += 1
            kept += 1
            continue
        while asked_place < asked_count and asked[asked_place] < rows[place]:
            asked_place += 1
        if asked_place == asked_count or asked[asked_place] != rows[place]:
            room[kept] = rows[place]
            kept += 1
        else:
            lost[0] += 1
        place += 1
    memcpy(rows, room, kept * sizeof(uint32_t))
    return kept


@cython.no_gc_clear
cdef class Predicate:
    """A filter that is run over the batches of one pass, in their order.

    Parameters
    ----------
    plan : Comparison, Around, Conjunction, Disjunction or Negation
        What the filter asks, see :mod:`scapcore.plan`.
    text_mode : int, optional
        How byte buffers are shown in the texts of arguments that the filter looks at: 0 normal, 1 ASCII, 2 hex,
        3 hex and ASCII, 4 base64.
    unlimited : bool, optional
        Whether these texts are not cut to 80 characters.
    early : bool, optional
        Whether calls are forgotten whose beginning the filter drops, as by sysdig 0.29.3, which asks its filter before
        it looks at what an event changes. The end of such a call is seen without descriptor and error. It has no
        effect under the newest libraries' rules.
    counted : bool, optional
        Whether internal events are chosen, too: they are hidden, but whoever counts events counts them.

    Attributes
    ----------
    needs : int
        Costly columns that the batches must have, see :class:`scapcore.engine.Engine`.
    needs_state : bool
        Whether the batches must come from a reader with state engine.
    lost : int
        Events so far that would have been chosen if their calls had not been forgotten.

    Raises
    ------
    FieldError
        If a field has no extraction.
    FilterError
        If a regular expression is none.
    """

    def __cinit__(self):
        memset(&self.scope, 0, sizeof(Scope))
        text_open(&self.text, 0, False)

    def __init__(self, plan, *, int text_mode=0, bint unlimited=False, bint early=False, bint counted=False):
        cdef uint32_t level
        cdef Demand demand
        if self.root != NULL:
            raise RuntimeError("a predicate is built once")
        self.text.mode = text_mode
        self.text.unlimited = unlimited
        self.early = early
        self.counted = counted
        for level in range(EVENT_COUNT // 2):
            # What changes the tables is looked at before the filter is asked, and so are writes, which may be tracers.
            if level * 2 != SYSCALL_WRITE_E and not events_classic[level * 2].flags & EF_MODIFIES_STATE \
                    and events_classic[level * 2 + 1].flags & EF_USES_FD:
                self.forgetful[level * 2] = 1
                self.forgetful[level * 2 + 1] = 1
        self.kept = []
        memset(&demand, 0, sizeof(Demand))
        self.root = open_node(plan, self.kept, &demand)
        self.needs = demand.needs
        self.needs_state = demand.state
        self.text_wanted = demand.text
        self.caching = <Node**>malloc(count_nodes(self.root) * sizeof(Node*))
        if self.caching == NULL:
            raise MemoryError
        self.level_count = place_node(self.root, 0, self.caching, &self.caching_count)
        self.levels = <Level*>calloc(self.level_count + 1, sizeof(Level))
        if self.levels == NULL:
            raise MemoryError
        for level in range(self.level_count):
            self.levels[level].rest = <uint32_t*>malloc(BATCH_EVENTS * sizeof(uint32_t))
            self.levels[level].hits = <uint32_t*>malloc(BATCH_EVENTS * sizeof(uint32_t))
            self.levels[level].chosen = <uint8_t*>malloc(BATCH_EVENTS)
            if self.levels[level].rest == NULL or self.levels[level].hits == NULL \
                    or self.levels[level].chosen == NULL:
                raise MemoryError

    def __dealloc__(self):
        cdef uint32_t level
        self.forget()
        close_node(self.root)
        if self.levels != NULL:
            for level in range(self.level_count):
                free(self.levels[level].rest)
                free(self.levels[level].hits)
                free(self.levels[level].chosen)
        free(self.levels)
        free(self.caching)
        map_free(&self.remembered)
        close_scope(&self.scope)
        text_close(&self.text)

    # Batches

    cdef void forget(self) noexcept:
        """Leave the engine whose rows the verdicts are about."""
        cdef uint32_t index
        cdef Node* node
        for index in range(self.caching_count):
            node = self.caching[index]
            if node.watched:
                unwatch_rows(&self.engine.state.threads if node.scope == SCOPE_THREAD else &self.engine.state.fds,
                             &node.cache)
                node.watched = False
            if node.cache.verdicts != NULL:
                memset(node.cache.verdicts, 0, node.cache.capacity)
            node.absent = 0
            memset(node.entered, 0, EVENT_COUNT)
        self.engine = None

    cdef int prepare(self, EventBatch batch) except -1:
        """Make caches and scope ready for a batch."""
        cdef uint32_t index, wanted
        cdef Node* node
        cdef Pool* pool
        cdef uint8_t* grown
        cdef const EventType* types
        batch.require(self.needs)
        if not self.begun or batch.engine is not self.engine:
            self.forget()
            self.engine = batch.engine
            self.begun = True
            types = events_modern if batch.engine is not None and batch.engine.modern else events_classic
            for index in range(EVENT_COUNT):
                self.fd_kinds[index] = 0
                if types[index].flags & (EF_CREATES_FD | EF_USES_FD | EF_DESTROYS_FD):
                    self.fd_kinds[index] = 2 if index == SOCKET_CONNECT_X else 1
        for index in range(self.caching_count):
            node = self.caching[index]
            pool = NULL
            wanted = TYPE_KEYS
            if node.scope != SCOPE_TYPE:
                wanted = 1
                if self.engine is not None:
                    pool = &self.engine.state.threads if node.scope == SCOPE_THREAD else &self.engine.state.fds
                    wanted = pool.count
            if node.cache.capacity < wanted:
                if pool != NULL:
                    wanted += wanted // 2
                grown = <uint8_t*>realloc(node.cache.verdicts, wanted)
                if grown == NULL:
                    raise MemoryError
                memset(grown + node.cache.capacity, 0, wanted - node.cache.capacity)
                node.cache.verdicts = grown
                node.cache.capacity = wanted
            if pool != NULL and not node.watched:
                watch_rows(pool, &node.cache)
                node.watched = True
        open_scope(&self.scope, batch)
        self.scope.text = NULL
        if self.text_wanted and self.engine is not None:
            self.text.modern = self.engine.modern
            text_begin(&self.text, &self.engine.state, &batch.columns)
            self.scope.text = &self.text
        return 0

    cpdef uint32_t run(self, EventBatch batch) except? 0xFFFFFFFF:
        """Choose the events of a batch; they become its selection.

        Parameters
        ----------
        batch : EventBatch
            The reader's present batch. Each batch is given once, in their order.

        Returns
        -------
        int
            How many events were chosen; hidden ones are only if they are to be counted.
        """
        cdef uint32_t count = self.select(batch, NULL, 0, batch.selection)
        if self.early and batch.engine is not None and not batch.engine.modern:
            count = self.forget_calls(batch, batch.selection, count)
        batch.selected_count = count
        batch.has_selection = True
        return count

    cdef uint32_t forget_calls(self, EventBatch batch, uint32_t* out, uint32_t count) except? 0xFFFFFFFF:
        """Take the descriptor from exit events whose enter event was dropped, and ask about them again."""
        cdef uint32_t* room
        cdef uint32_t changed = 0
        cdef uint32_t hits
        if not count and not self.remembered.used and is_steady(self.root):
            return 0
        room = <uint32_t*>malloc(3 * <size_t>batch.columns.count * sizeof(uint32_t))
        if room == NULL:
            raise MemoryError
        with nogil:
            changed = self.forget_dropped(batch, out, count, room)
            if changed and not self.root.running:
                hits = self.run_node(batch, self.root, room, changed, room + batch.columns.count)
                count = replace_rows(out, count, room, changed, room + batch.columns.count, hits,
                                     room + 2 * <size_t>batch.columns.count, &self.lost)
        free(room)
        if self.failed or self.scope.scratch.failed:
            raise MemoryError
        return count

    cdef uint32_t forget_dropped(self, EventBatch batch, const uint32_t* chosen, uint32_t count,
                                 uint32_t* changed) noexcept nogil:
        """Take what a call's beginning told from ends whose beginning was dropped; how many rows have changed by that."""
        cdef Columns* columns = &batch.columns
        cdef uint32_t place = 0
        cdef uint32_t found = 0
        cdef uint32_t row
        cdef uint16_t type
        cdef bint kept
        for row in range(columns.count):
            kept = place < count and chosen[place] == row
            place += kept
            type = columns.type[row]
            if not self.forgetful[type]:
                continue
            if type & 1:
                # With so few parameters its descriptor came from the thread's last beginning of a call, which was this one's.
                if columns.mark[row] & MARK_FD and columns.nparams[row] <= events_classic[type].reference \
                        and not map_get(&self.remembered, thread_id(columns, row)):
                    columns.mark[row] &= <uint8_t>~(MARK_FD | MARK_ERROR | MARK_RENAMED)
                    changed[found] = row
                    found += 1
            elif not kept:
                map_remove(&self.remembered, thread_id(columns, row))
            elif not map_put(&self.remembered, thread_id(columns, row), 1):
                self.failed = True
        return found

    cdef uint32_t select(self, EventBatch batch, const uint32_t* rows, uint32_t count,
                         uint32_t* out) except? 0xFFFFFFFF:
        """Choose among some rows of a batch, or with NULL among all that are shown."""
        cdef uint32_t chosen
        self.prepare(batch)
        with nogil:
            if (self.root.running or self.counted) and rows == NULL:
                chosen = self.run_all(batch, out)
            else:
                chosen = self.run_node(batch, self.root, rows, count, out)
        if self.failed or self.scope.scratch.failed:
            raise MemoryError
        return chosen

    cdef uint32_t run_all(self, EventBatch batch, uint32_t* out) noexcept nogil:
        """Ask about hidden events too, as running values take note of them, but choose those at most that count."""
        cdef uint32_t index, count
        cdef uint32_t kept = 0
        cdef Event event
        for index in range(batch.columns.count):
            out[index] = index
        count = self.run_node(batch, self.root, out, batch.columns.count, out)
        for index in range(count):
            if batch.columns.mark[out[index]] & MARK_HIDDEN:
                if not self.counted:
                    continue
                batch.place(&event, out[index])
                if event.info.category != CATEGORY_INTERNAL:
                    continue
            out[kept] = out[index]
            kept += 1
        return kept

    cdef uint32_t run_node(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                           uint32_t* out) noexcept nogil:
        """Rows among `rows` that a node chooses; `out` may be `rows`. NULL stands for all that are shown."""
        cdef uint32_t index
        if is_cached(node) and node.cache.verdicts != NULL:
            if node.scope == SCOPE_TYPE:
                return self.run_types(batch, node, rows, count, out)
            if node.scope == SCOPE_THREAD:
                return self.run_threads(batch, node, rows, count, out)
            return self.run_fds(batch, node, rows, count, out)
        if node.kind == NODE_AND and node.child_count:
            count = self.run_node(batch, node.children[0], rows, count, out)
            for index in range(1, node.child_count):
                if count == 0:
                    break
                count = self.run_node(batch, node.children[index], out, count, out)
            return count
        if rows == NULL:
            count = 0
            for index in range(batch.columns.count):
                out[count] = index
                count += not batch.columns.mark[index] & MARK_HIDDEN
            rows = out
        if node.kind == NODE_AND:
            for index in range(count):
                out[index] = rows[index]
            return count
        if node.kind == NODE_OR:
            return self.run_or(batch, node, rows, count, out)
        if node.kind == NODE_NOT:
            return self.run_not(batch, node, rows, count, out)
        return self.run_events(batch, node, rows, count, out)

    cdef uint32_t run_types(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                            uint32_t* out) noexcept nogil:
        cdef const uint16_t* types = batch.columns.type
        cdef const uint8_t* marks = batch.columns.mark
        cdef uint8_t* verdicts = node.cache.verdicts
        cdef uint32_t chosen = 0
        cdef uint32_t index, row
        cdef uint8_t verdict
        if rows == NULL:
            for row in range(batch.columns.count):
                verdict = verdicts[types[row]]
                if verdict == 0:
                    verdict = self.judge_type(batch, node, row)
                out[chosen] = row
                chosen += verdict >> 1 & ~marks[row] & MARK_HIDDEN
            return chosen
        for index in range(count):
            row = rows[index]
            verdict = verdicts[types[row]]
            if verdict == 0:
                verdict = self.judge_type(batch, node, row)
            out[chosen] = row
            chosen += verdict >> 1
        return chosen

    cdef uint32_t run_threads(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                              uint32_t* out) noexcept nogil:
        cdef const uint32_t* threads = batch.columns.thread
        cdef const uint8_t* marks = batch.columns.mark
        cdef uint8_t* verdicts = node.cache.verdicts
        cdef bint stateful = self.scope.state != NULL
        cdef uint32_t chosen = 0
        cdef uint32_t index, row, thread
        cdef uint8_t verdict
        if rows == NULL:
            count = batch.columns.count
        for index in range(count):
            row = index if rows == NULL else rows[index]
            thread = threads[row] if stateful else 0
            verdict = verdicts[thread]
            if verdict == 0:
                verdict = self.judge_row(batch, node, row)
                verdicts[thread] = verdict
            out[chosen] = row
            if rows == NULL:
                chosen += verdict >> 1 & ~marks[row] & MARK_HIDDEN
            else:
                chosen += verdict >> 1
        return chosen

    cdef uint32_t run_fds(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                          uint32_t* out) noexcept nogil:
        cdef const uint32_t* fds = batch.columns.fd
        cdef const uint16_t* types = batch.columns.type
        cdef const uint8_t* marks = batch.columns.mark
        cdef const uint8_t* kinds = self.fd_kinds
        cdef uint8_t* verdicts = node.cache.verdicts
        cdef uint32_t chosen = 0
        cdef uint32_t index, row
        cdef uint8_t verdict
        if rows != NULL or self.scope.state == NULL:
            for index in range(count if rows != NULL else batch.columns.count):
                row = index if rows == NULL else rows[index]
                out[chosen] = row
                chosen += self.judge_fd(batch, node, row) >> 1 & (~marks[row] & MARK_HIDDEN if rows == NULL else 1)
            return chosen
        # Most events have the verdict of their row, where row 0 stands for events that work on no descriptor.
        verdicts[0] = node.absent
        for row in range(batch.columns.count):
            verdict = verdicts[fds[row]]
            if verdict == 0 or kinds[types[row]] > (fds[row] != 0):
                verdict = self.judge_fd(batch, node, row)
                verdicts[0] = node.absent
            out[chosen] = row
            chosen += verdict >> 1 & ~marks[row] & MARK_HIDDEN
        return chosen

    cdef uint8_t judge_fd(self, EventBatch batch, Node* node, uint32_t row) noexcept nogil:
        """The verdict on an event's descriptor, kept for others that must have the same."""
        cdef uint16_t type = batch.columns.type[row]
        cdef uint32_t fd = batch.columns.fd[row]
        cdef uint8_t* place = NULL
        if not self.fd_kinds[type] or self.scope.state == NULL or not batch.columns.thread[row]:
            place = &node.absent
        elif fd and self.fd_kinds[type] == 1:
            place = &node.cache.verdicts[fd]
        elif not fd and not type & 1:
            # Only exit events can have names of descriptors that do not exist.
            place = &node.entered[type]
        if place == NULL:
            return self.judge_row(batch, node, row)
        if place[0] == 0:
            place[0] = self.judge_row(batch, node, row)
        return place[0]

    cdef uint32_t run_events(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                             uint32_t* out) noexcept nogil:
        cdef uint32_t chosen = 0
        cdef uint32_t index, row
        cdef uint64_t time
        if node.kind == NODE_AROUND:
            for index in range(count):
                row = rows[index]
                time = load64(batch.columns.data + batch.columns.offset[row])
                out[chosen] = row
                chosen += is_around(node, time)
            return chosen
        for index in range(count):
            row = rows[index]
            if node.possible != NULL and not node.possible[batch.columns.type[row]]:
                continue
            move_scope(&self.scope, batch, row)
            out[chosen] = row
            chosen += self.judge(node)
        return chosen

    cdef uint32_t run_or(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                         uint32_t* out) noexcept nogil:
        cdef Level* level = &self.levels[node.level]
        cdef uint32_t* rest = level.rest
        cdef uint32_t* hits = level.hits
        cdef uint8_t* chosen = level.chosen
        cdef uint32_t left = count
        cdef uint32_t index, child, hit_count, kept
        for index in range(count):
            rest[index] = rows[index]
            chosen[rows[index]] = 0
        for child in range(node.child_count):
            hit_count = self.run_node(batch, node.children[child], rest, left, hits)
            for index in range(hit_count):
                chosen[hits[index]] = 1
            if hit_count:
                kept = 0
                for index in range(left):
                    rest[kept] = rest[index]
                    kept += 1 - chosen[rest[index]]
                left = kept
            if left == 0:
                break
        kept = 0
        for index in range(count):
            child = rows[index]
            out[kept] = child
            kept += chosen[child]
        return kept

    cdef uint32_t run_not(self, EventBatch batch, Node* node, const uint32_t* rows, uint32_t count,
                          uint32_t* out) noexcept nogil:
        cdef uint32_t* hits = self.levels[node.level].hits
        cdef uint32_t hit_count = self.run_node(batch, node.children[0], rows, count, hits)
        cdef uint32_t kept = 0
        cdef uint32_t hit = 0
        cdef uint32_t index, row
        for index in range(count):
            row = rows[index]
            if hit < hit_count and hits[hit] == row:
                hit += 1
            else:
                out[kept] = row
                kept += 1
        return kept

    # Single events

    cdef uint8_t judge_type(self, EventBatch batch, Node* node, uint32_t row) noexcept nogil:
        """Verdict on an event whose type has none; generic events have one for each system call."""
        cdef uint32_t place
        move_scope(&self.scope, batch, row)
        place = type_key(&self.scope.event)
        if not place:
            return 2 if self.judge(node) else 1
        if node.cache.verdicts[place] == 0:
            node.cache.verdicts[place] = 2 if self.judge(node) else 1
        return node.cache.verdicts[place]

    cdef uint8_t judge_row(self, EventBatch batch, Node* node, uint32_t row) noexcept nogil:
        move_scope(&self.scope, batch, row)
        return 2 if self.judge(node) else 1

    cdef bint judge(self, Node* node) noexcept nogil:
        """Evaluate a sub-tree for the event that the scope is at."""
        cdef Value value
        cdef uint32_t index
        if node.kind == NODE_COMPARISON:
            return extract(node.left.field, &self.scope, &value) and passes(&node.constants, &value)
        if node.kind == NODE_AND:
            for index in range(node.child_count):
                if not self.judge(node.children[index]):
                    return False
            return True
        if node.kind == NODE_OR:
            for index in range(node.child_count):
                if self.judge(node.children[index]):
                    return True
            return False
        if node.kind == NODE_NOT:
            return not self.judge(node.children[0])
        if node.kind == NODE_AROUND:
            return is_around(node, self.scope.event.ts)
        if node.kind == NODE_OPERANDS:
            return self.judge_operands(node)
        return self.judge_several(node)

    cdef bint judge_operands(self, Node* node) noexcept nogil:
        cdef Operand* left = node.left
        cdef Operand* right = node.right
        cdef bint any_of = node.constants.relation != OP_IN
        cdef bint passed
        cdef uint32_t index, other
        if not take(left, &self.scope) or (right != NULL and not take(right, &self.scope)):
            self.failed |= left.failed or (right != NULL and right.failed)
            return False
        if node.constants.relation == OP_EXISTS:
            return True
        for index in range(left.count):
            passed = False
            if right == NULL:
                passed = passes(&node.constants, &left.values[index])
            else:
                for other in range(right.count):
                    if compare_values(node.constants.relation, &left.values[index], &right.values[other]):
                        passed = True
                        break
            if passed == any_of:
                return passed
        return not any_of and left.count > 0

    cdef bint judge_several(self, Node* node) noexcept nogil:
        """Evaluate a comparison that looks at several values: both ends, or all ancestors."""
        cdef uint32_t passed = 0
        cdef uint32_t index
        if node.constants.quantifier == QUANTIFIER_NONE:
            return self.judge_values(node, -1)
        for index in range(node.constants.count):
            passed += self.judge_values(node, index)
        return quantify(node.constants.quantifier, passed, node.constants.count)

    cdef bint judge_values(self, Node* node, int64_t element) noexcept nogil:
        cdef Scope* scope = &self.scope
        cdef const uint8_t* addresses[2]
        cdef uint16_t ports[2]
        cdef int width = 0
        cdef int count, index
        cdef bint all_of = node.constants.relation == OP_NE
        cdef Value value
        cdef uint32_t present
        cdef bint passed = False
        if scope.state == NULL or not scope.thread:
            return False
        if node.kind == NODE_ANCESTORS:
            return self.judge_ancestors(node, element)
        if not self.fd_kinds[scope.event.type] or not scope.fd:
            return False
        if node.constants.relation == OP_EXISTS:
            return True
        count = fd_ends(fd_row(scope.state, scope.fd), addresses, ports, &width)
        for index in range(count):
            value.data = NULL
            value.length = 0
            if node.kind == NODE_PORTS:
                give_integer(&value, PT_PORT, ports[index])
            else:
                value.integer = 0
                give_address(&value, addresses[index], width)
            passed = passes_element(&node.constants, &value, element)
            if passed != all_of:
                break
        return passed

    cdef bint judge_ancestors(self, Node* node, int64_t element) noexcept nogil:
        """True if a strict ancestor passes; ``!=`` asks for one that differs."""
        cdef Scope* scope = &self.scope
        cdef uint32_t own = scope.thread
        cdef ThreadRow* row = thread_row(scope.state, own)
        cdef Value value
        cdef bint passed = False
        cdef int step
        if row.main:
            row = thread_row(scope.state, row.main)
        elif row.pid != row.tid:
            return False
        for step in range(MOST_ANCESTORS):
            if not row.parent:
                break
            scope.thread = row.parent
            if not extract(node.left.field, scope, &value):
                break
            if passes_element(&node.constants, &value, element):
                passed = True
                break
            row = thread_row(scope.state, row.parent)
        scope.thread = own
        return passed


cdef inline bint is_around(const Node* node, uint64_t time) noexcept nogil:
    # Unsigned and with wrap-around, as the reference has it.
    return node.time >= time - node.distance and node.time <= time + node.distance
