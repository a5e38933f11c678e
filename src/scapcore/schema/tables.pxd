# The C tables that generate.py makes; index 0 is the classic and 1 the modern generation where a table has two.

cdef extern from "_tables.h" nogil:
    ctypedef struct Parameter "scap_parameter":
        const char* name
        unsigned char type
        unsigned char format
        short table
        signed char dirfd

    ctypedef struct EventType "scap_event_type":
        const char* name
        unsigned char name_length
        unsigned char category
        unsigned short flags
        unsigned char nparams
        signed char reference
        unsigned short first

    ctypedef struct FlagName "scap_flag":
        const char* name
        unsigned int value

    ctypedef struct Span "scap_span":
        unsigned short first
        unsigned short count

    ctypedef struct Rule "scap_rule":
        unsigned short to        # type of the newest form
        unsigned short first     # of its parameters' origins
        unsigned char nparams    # of the form that the rule is for
        unsigned char action
        unsigned char count      # parameters of the newest form, AS_IT_IS where the event stays as it was read

    ctypedef struct ParameterOrigin "scap_origin":
        unsigned char source "from"
        unsigned char param
        unsigned char length     # of what stands there where the source has nothing
        unsigned char fill
        unsigned short enter     # type that the enter event must have
        unsigned short cap       # longest value

    enum:
        AS_IT_IS "SCAP_AS_IT_IS"
        EVENT_COUNT "SCAP_EVENT_COUNT"
        SYSCALL_COUNT "SCAP_SYSCALL_COUNT"
        NATIVE_COUNT "SCAP_NATIVE_COUNT"
        ERRNO_COUNT "SCAP_ERRNO_COUNT"
        SIGNAL_COUNT "SCAP_SIGNAL_COUNT"

    const EventType* events_classic "scap_events_classic"
    const EventType* events_modern "scap_events_modern"
    const Parameter* parameters_classic "scap_parameters_classic"
    const Parameter* parameters_modern "scap_parameters_modern"
    const Span* spans_classic "scap_spans_classic"
    const Span* spans_modern "scap_spans_modern"
    const FlagName* flags_classic "scap_flags_classic"
    const FlagName* flags_modern "scap_flags_modern"
    const char** syscalls_classic "scap_syscalls_classic"
    const char** syscalls_modern "scap_syscalls_modern"
    const unsigned char* syscall_categories "scap_syscall_categories"
    const char** native_names "scap_natives"
    const char** errno_names "scap_errnos"
    const char** signal_names "scap_signals"
    const unsigned char* fates "scap_fates"
    const unsigned short* rule_places "scap_rule_places"
    const Rule* rules "scap_rules"
    const ParameterOrigin* origins "scap_origins"
