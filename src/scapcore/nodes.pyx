"""The tree that a plan becomes: built once, arranged so that it runs fast. Internal to the core.

Neighbours of one dimension get a node of their own, so that they share one verdict, and the cheap ones come first,
both only where it does not show: conditions on running values such as evt.deltatime stay where they are.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc

from scapcore.compare cimport OP_REGEX, constants_close, constants_open
from scapcore.fields cimport SCOPE_EVENT, SCOPE_FD, SCOPE_THREAD, SCOPE_TYPE, FieldUse
from scapcore.schema.tables cimport *
from scapcore.schema.types cimport PT_BYTEBUF, PT_CHARBUF
from scapcore.state cimport NEED_CHANGES
from scapcore.transforms cimport OPERAND_FIELD, join_scopes, operand_close, operand_open

from scapcore.plan import Around, Comparison, Conjunction, Disjunction, FieldOperand, Negation
from scapcore.transforms import LISTS

EITHER_END = {"fd.ip": NODE_ADDRESSES, "fd.net": NODE_ADDRESSES, "fd.port": NODE_PORTS, "fd.proto": NODE_PORTS}
ANCESTORS = frozenset(("proc.aname", "proc.apid", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.aenv"))
#: Parameters without one of which these fields are missing
PARAMETERS = {"evt.buffer": {b"data"}, "evt.res": {b"res", b"fd"}, "evt.rawres": {b"res", b"fd"}}


cdef Node* new_node(uint8_t kind) except NULL:
    cdef Node* node = <Node*>calloc(1, sizeof(Node))
    if node == NULL:
        raise MemoryError
    node.kind = kind
    node.scope = SCOPE_EVENT
    return node


cdef void close_node(Node* node) noexcept nogil:
    cdef uint32_t index
    if node == NULL:
        return
    for index in range(node.child_count):
        close_node(node.children[index])
    free(node.children)
    operand_close(node.left)
    operand_close(node.right)
    constants_close(&node.constants)
    free(<void*>node.possible)
    free(node.cache.verdicts)
    free(node)


cdef int add_child(Node* node, Node* child) except -1:
    """Append a child; it belongs to the node even if this fails."""
    cdef Node** grown = <Node**>realloc(node.children, (<size_t>node.child_count + 1) * sizeof(Node*))
    if grown == NULL:
        close_node(child)
        raise MemoryError
    node.children = grown
    node.children[node.child_count] = child
    node.child_count += 1
    node.running |= child.running
    return 0


cdef uint32_t cost_of(const Node* node) noexcept nogil:
    """About how many nanoseconds an event takes."""
    cdef uint32_t cost = 0
    cdef uint32_t index
    if is_cached(node):
        return 1 if node.scope == SCOPE_TYPE else 2 if node.scope == SCOPE_THREAD else 4
    if node.child_count:
        for index in range(node.child_count):
            cost += node.children[index].cost
        return cost
    if node.left == NULL:
        return 3
    cost = 30
    if node.kind != NODE_COMPARISON:
        cost = 100
    if node.left.kind == OPERAND_FIELD and node.left.field.type == PT_BYTEBUF:
        cost += 1000
    elif node.left.kind == OPERAND_FIELD and node.left.field.type == PT_CHARBUF:
        cost += 100
    if node.constants.relation == OP_REGEX:
        cost += 2000
    return cost if node.possible == NULL else 5 + cost // 4


cdef void group_by_scope(Node* node, uint32_t first, uint32_t last) noexcept:
    """Put neighbours of one dimension under a node of their own, so that they share one verdict."""
    cdef uint8_t scope
    cdef uint32_t index, kept
    cdef Node* group
    cdef uint32_t members
    for scope in (SCOPE_TYPE, SCOPE_THREAD, SCOPE_FD):
        members = 0
        for index in range(first, last):
            members += node.children[index] != NULL and node.children[index].scope == scope \
                and is_cached(node.children[index])
        if members < 2:
            continue
        group = <Node*>calloc(1, sizeof(Node))
        if group == NULL:
            return                  # it works ungrouped as well
        group.children = <Node**>malloc(members * sizeof(Node*))
        if group.children == NULL:
            free(group)
            return
        group.kind = node.kind
        group.scope = scope
        for index in range(first, last):
            if node.children[index] != NULL and node.children[index].scope == scope \
                    and is_cached(node.children[index]):
                group.children[group.child_count] = node.children[index]
                group.child_count += 1
                node.children[index] = group if group.child_count == 1 else NULL
        group.cost = cost_of(group)


cdef void arrange(Node* node) noexcept:
    """Group and sort the children where the order does not show."""
    cdef uint32_t first = 0
    cdef uint32_t last, index, place, count
    cdef Node* child
    while first < node.child_count:
        if node.children[first].running:
            first += 1
            continue
        last = first
        while last < node.child_count and not node.children[last].running:
            last += 1
        group_by_scope(node, first, last)
        for index in range(first + 1, last):
            child = node.children[index]
            place = index
            while place > first and child != NULL and (node.children[place - 1] == NULL
                                                       or node.children[place - 1].cost > child.cost):
                node.children[place] = node.children[place - 1]
                place -= 1
            node.children[place] = child
        first = last
    count = 0
    for index in range(node.child_count):
        if node.children[index] != NULL:
            node.children[count] = node.children[index]
            count += 1
    node.child_count = count


cdef Node* open_node(object plan, list kept, Demand* demand) except NULL:
    cdef Node* node
    if isinstance(plan, Comparison):
        return open_comparison(plan, kept, demand)
    if isinstance(plan, Conjunction):
        return open_group(NODE_AND, plan.items, kept, demand)
    if isinstance(plan, Disjunction):
        return open_group(NODE_OR, plan.items, kept, demand)
    if isinstance(plan, Negation):
        return open_group(NODE_NOT, (plan.item,), kept, demand)
    if isinstance(plan, Around):
        node = new_node(NODE_AROUND)
        node.time = plan.time & 0xFFFFFFFFFFFFFFFF
        node.distance = plan.distance & 0xFFFFFFFFFFFFFFFF
        node.cost = cost_of(node)
        return node
    raise TypeError(f"{plan!r} is no condition")


cdef Node* open_group(uint8_t kind, tuple items, list kept, Demand* demand) except NULL:
    cdef Node* node = new_node(kind)
    cdef Node* only
    cdef uint32_t index
    try:
        for item in items:
            add_child(node, open_node(item, kept, demand))
    except BaseException:
        close_node(node)
        raise
    if kind != NODE_NOT:
        arrange(node)
        if node.child_count == 1:
            only = node.children[0]
            node.child_count = 0
            close_node(node)
            return only
    if node.child_count:
        node.scope = node.children[0].scope
        for index in range(1, node.child_count):
            node.scope = join_scopes(node.scope, node.children[index].scope)
    node.cost = cost_of(node)
    return node


cdef Node* open_comparison(object plan, list kept, Demand* demand) except NULL:
    cdef Node* node = new_node(NODE_COMPARISON)
    left = plan.left
    try:
        if isinstance(left, FieldOperand):
            if left.name in EITHER_END:
                node.kind = EITHER_END[left.name]
            elif left.name in ANCESTORS and left.argument is None:
                node.kind = NODE_ANCESTORS
                left = FieldOperand(left.name, 0)
            elif left.name in LISTS:
                node.kind = NODE_OPERANDS
        else:
            node.kind = NODE_OPERANDS
        begin = len(kept)
        node.left = operand_open(left, kept)
        if plan.right is not None:
            if node.kind != NODE_COMPARISON and node.kind != NODE_OPERANDS:
                raise ValueError(f"{left.name} cannot be compared with another value of the event")
            node.kind = NODE_OPERANDS
            node.right = operand_open(plan.right, kept)
        for use in kept[begin:]:
            if isinstance(use, FieldUse):
                demand.needs |= use.needs
                demand.state |= use.needs_state
                # What looks back into the batch does so in the context of its texts.
                demand.text |= use.needs & NEED_CHANGES != 0
        if node.kind == NODE_COMPARISON:
            node.possible = possible_types(left)
        constants_open(&node.constants, plan.operator, plan.values, plan.quantifier, kept)
    except BaseException:
        close_node(node)
        raise
    node.running = node.left.running or (node.right != NULL and node.right.running)
    node.scope = node.left.scope
    if node.right != NULL:
        node.scope = join_scopes(node.scope, node.right.scope)
    if node.scope == 0 or node.running:
        node.scope = SCOPE_EVENT
    node.cost = cost_of(node)
    return node


cdef uint8_t* possible_types(object field) except? NULL:
    """Event types that can have the parameter that a field shows, NULL for other fields."""
    cdef uint32_t type, index
    cdef uint8_t* possible
    cdef const EventType* types
    cdef const Parameter* parameters
    cdef bytes name
    cdef set names
    if field.name in ("evt.arg", "evt.rawarg") and isinstance(field.argument, str):
        names = {field.argument.encode()}
    elif field.name in PARAMETERS:
        names = PARAMETERS[field.name]
    else:
        return NULL
    possible = <uint8_t*>calloc(EVENT_COUNT, 1)
    if possible == NULL:
        raise MemoryError
    for modern in (False, True):
        types = events_modern if modern else events_classic
        parameters = parameters_modern if modern else parameters_classic
        for type in range(EVENT_COUNT):
            for index in range(types[type].nparams):
                name = parameters[types[type].first + index].name
                possible[type] |= name in names
    return possible


cdef uint32_t count_nodes(const Node* node) noexcept nogil:
    cdef uint32_t count = 1
    cdef uint32_t index
    for index in range(node.child_count):
        count += count_nodes(node.children[index])
    return count


cdef uint32_t place_node(Node* node, uint32_t level, Node** caching, uint32_t* count) noexcept nogil:
    """Set the level of a node and of those below it; how many levels there are."""
    cdef uint32_t index, deepest, below
    if is_cached(node):
        caching[count[0]] = node
        count[0] += 1
        return level
    if node.kind == NODE_OR or node.kind == NODE_NOT:
        node.level = level
        level += 1
    deepest = level
    for index in range(node.child_count):
        below = place_node(node.children[index], level, caching, count)
        if below > deepest:
            deepest = below
    return deepest
