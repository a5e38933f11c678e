-- What a chisel finds when it starts: the tables `chisel`, `sysdig` and `evt`, a world without files and processes
-- unless it is trusted, and the loop that hands events to it. Run once in a fresh interpreter; gets the functions of
-- the host, gives back a table of functions for the host.
local host, addresses, declarations, trusted, seconds_allowed, library, patterns = ...

-- How events are reached. Without the interpreter's compiler, foreign functions are slow and those of Lua's own kind fast;
-- with it, it is the other way round.
local step, field, place, interval, accept
-- Whether there is an event at hand.
local here = false
local FAILED = "evt.field() takes what chisel.request_field() gave"

local EVENT, INTERVAL = 1, 2

-- Everything that is used later is held here: a chisel may change the globals.
local concat, tostring, tonumber, type, error, select = table.concat, tostring, tonumber, type, error, select
local loadstring, setmetatable, pairs, ipairs, pcall = loadstring, setmetatable, pairs, ipairs, pcall
local clock, sethook, byte, find, unpack =
    os.clock, debug.sethook, string.byte, string.find, unpack
local real_open, real_execute, real_exit = io.open, os.execute, os.exit
local globals = _G

-- In the sandbox: fails when the script takes too long. Called from time to time, and before what the host does.
local watch = function() end

-- Functions of the host tell whether they went well, so that no object of theirs is ever raised here; and the objects that
-- they are show nothing of themselves.
do
    local function passed(well, ...)
        if well then return ... end
        error((...), 0)
    end
    local given = host
    host = {}
    for name, call in pairs(given) do
        host[name] = function(...)
            watch()
            return passed(call(...))
        end
    end
    debug.getmetatable(given.write).__metatable = "hidden"
end

-- Output

local pieces, piece_count, piece_bytes = {}, 0, 0
local marked = false

local function flush()
    if piece_count > 0 or marked then
        local whole = concat(pieces, "", 1, piece_count)
        local write = marked and host.write_marked or host.write
        piece_count, piece_bytes, marked = 0, 0, false
        write(whole)
    end
end

local function emit(text)
    piece_count = piece_count + 1
    pieces[piece_count] = text
    piece_bytes = piece_bytes + #text
    if piece_bytes > 65536 then flush() end
end

local function written(text)
    local kind = type(text)
    if kind ~= "string" and kind ~= "number" then
        error("bad argument to 'write' (string expected, got " .. kind .. ")", 3)
    end
    return tostring(text)
end

function print(...)
    local count = select("#", ...)
    local tostring = globals.tostring
    if count == 1 then
        emit(tostring((...)) .. "\n")
        return
    end
    local words = {}
    for index = 1, count do words[index] = tostring((select(index, ...))) end
    emit(concat(words, "\t") .. "\n")
end

local stdout, stderr = {}, {}
function stdout:write(...)
    for index = 1, select("#", ...) do emit(written((select(index, ...)))) end
    return stdout
end
function stdout:flush() flush() host.flush() return stdout end
function stdout:setvbuf() return true end
function stdout:close() return true end
function stderr:write(...)
    for index = 1, select("#", ...) do host.complain(written((select(index, ...)))) end
    return stderr
end
function stderr:flush() return stderr end
function stderr:setvbuf() return true end
function stderr:close() return true end

-- The interpreter of the reference rounds halves away from zero, later ones to the even digit.

local format, sub = string.format, string.sub
local halves = {}

local function fixed_places(text)
    -- For each value of a format: the digits after the point where it is written as %.<digits>f.
    local places, any, argument, at = {}, false, 0, 1
    while true do
        local from, to, digits, letter = find(text, "%%[-+ #0]*%d*%.?(%d*)(.)", at)
        if not from then break end
        if letter ~= "%" then
            argument = argument + 1
            if letter == "f" and #digits > 0 and #digits < 3 and find(sub(text, from, to), ".", 1, true) then
                places[argument] = 2 ^ (tonumber(digits) + 1)
                any = true
            end
        end
        at = to + 1
    end
    places.count = argument
    return any and places
end

string.format = function(text, ...)
    local places = halves[text]
    if places == nil then
        places = type(text) == "string" and fixed_places(text)
        halves[text or false] = places
    end
    if not places then return format(text, ...) end
    local values, count = {...}, select("#", ...)
    for index = 1, count do
        local power, value = places[index], values[index]
        if power and type(value) == "number" and value > -1e15 and value < 1e15 then
            -- A half of the last digit is an odd multiple of a power of two.
            local scaled = value * power
            if scaled % 2 == 1 then
                values[index] = value * (1 + 2 ^ -51)
            end
        end
    end
    return format(text, unpack(values, 1, count))
end

-- Events

local kinds = {}

local function open_native()
    local open = package.loadlib(library, "scappy_lua_open")
    if not open then return false end
    step, field, place, interval, accept = open(addresses.calls)
    return true
end

local function open_foreign()
    local ffi = require("ffi")
    ffi.cdef(declarations)
    local NUMBER, FALSE, TRUE, LONG = -2, -3, -4, -5
    local cursor = ffi.cast("void*", addresses.cursor)
    local shared = ffi.cast("scappy_shared*", addresses.shared)
    local room = ffi.cast("const char*", addresses.room)
    local go = ffi.cast("scappy_step", addresses.step)
    local take = ffi.cast("scappy_take", addresses.take)
    local take_number = ffi.cast("scappy_number", addresses.number)
    local look = ffi.cast("scappy_act", addresses.place)
    local mark = ffi.cast("scappy_mark", addresses.accept)
    local text_of = ffi.string

    function step()
        return go(cursor)
    end

    function field(handle)
        if not here then error("invalid call to evt.field()", 2) end
        local kind = kinds[handle]
        if kind == 1 then
            local number = take_number(cursor, handle)
            if number == number then return number end
            return nil
        end
        if kind == nil then
            if handle == nil then return nil end
            error(FAILED, 2)
        end
        if kind == 2 then
            local number = take_number(cursor, handle)
            if number == number then return number ~= 0 end
            return nil
        end
        local length = take(cursor, handle)
        if length >= 0 then return text_of(room, length) end
        if length == NUMBER then return shared.number end
        if length == TRUE then return true end
        if length == FALSE then return false end
        if length == LONG then return text_of(shared.data, shared.length) end
        return nil
    end

    function place()
        look(cursor)
        return shared.event, shared.seconds, shared.nanoseconds, shared.cpu
    end

    function interval() return shared.seconds, shared.nanoseconds, shared.delta end

    function accept(before) mark(cursor, before) end
end

if not (library and open_native()) then open_foreign() end

local function need_event(name)
    if not here then error("invalid call to evt." .. name .. "()", 3) end
end

evt = {field = field}

function evt.get_num()
    need_event("get_num")
    return (place())
end

function evt.get_ts()
    need_event("get_ts")
    local _, seconds, nanoseconds = place()
    return seconds, nanoseconds
end

function evt.get_cpuid()
    need_event("get_cpuid")
    local _, _, _, cpu = place()
    return cpu
end

local type_handle, type_kind = host.request_field("evt.type")
kinds[type_handle] = type_kind
function evt.get_type()
    need_event("get_type")
    return field(type_handle)
end

-- The world

local progress = 0

if not trusted then
    local refused = "not allowed without --chisel-unsafe"
    local date = os.date
    local function short_date(form, ...)
        if type(form) == "string" and #form > 1000 then error("too long a format for os.date", 2) end
        return date(form, ...)
    end
    io = {
        open = function(name) return nil, tostring(name) .. ": " .. refused end,
        popen = function() error("io.popen is " .. refused, 2) end,
        read = function() return nil end,
        lines = function() error("io.lines is " .. refused, 2) end,
        type = function(value) return (value == stdout or value == stderr) and "file" or nil end,
    }
    os = {
        time = os.time, date = short_date, clock = os.clock, difftime = os.difftime,
        execute = function() host.refuse("os.execute") return 1 end,
        getenv = function() return nil end,
        remove = function(name) return nil, tostring(name) .. ": " .. refused end,
        rename = function(name) return nil, tostring(name) .. ": " .. refused end,
        tmpname = function() error("os.tmpname is " .. refused, 2) end,
    }
    debug = {traceback = function(message) return message end}
    jit, python, dofile, loadfile, module, newproxy = nil
    string.dump = nil
    -- Bytecode is not checked by the interpreter, so only text is code.
    local function as_text(chunk)
        if byte(chunk, 1) == 27 then return nil, "only text can be loaded" end
        return chunk
    end
    globals.loadstring = function(chunk, name)
        if type(chunk) ~= "string" then error("bad argument to 'loadstring' (string expected)", 2) end
        local code, problem = as_text(chunk)
        if not code then return nil, problem end
        return loadstring(code, name or chunk)
    end
    globals.load = function(source, name)
        if type(source) == "string" then return globals.loadstring(source, name) end
        local parts = {}
        while true do
            local part = source()
            if part == nil or part == "" then break end
            parts[#parts + 1] = part
        end
        return globals.loadstring(concat(parts), name or "=(load)")
    end
    for name, replacement in pairs(patterns(string, function() watch() end)) do string[name] = replacement end
    -- A handler would run inside the hook that raised the error, where nothing is watched.
    globals.xpcall = function(call, handler, ...)
        local function handled(well, ...)
            if well then return true, ... end
            return false, handler(...)
        end
        return handled(pcall(call, ...))
    end
    -- Each level of coroutines takes some of the C stack.
    local create, resume, depth = coroutine.create, coroutine.resume, 0
    local function back(...)
        depth = depth - 1
        return ...
    end
    local function resume_limited(routine, ...)
        if depth >= 150 then error("C stack overflow", 2) end
        depth = depth + 1
        return back(resume(routine, ...))
    end
    local function unwrapped(well, ...)
        if well then return ... end
        error((...), 0)
    end
    coroutine.resume = resume_limited
    coroutine.wrap = function(call)
        local routine = create(call)
        return function(...) return unwrapped(resume_limited(routine, ...)) end
    end
    -- Hooks are not looked at by compiled code.
    require("jit").off()
    require("jit").flush()
    local seen, since = -1, 0
    local over = false
    watch = function()
        if progress ~= seen then
            seen, since = progress, clock()
        elseif clock() - since > seconds_allowed then
            -- From now on every step fails, so that no pcall keeps it going.
            if not over then sethook(watch, "", 1) end
            over = true
            error("it took more than " .. seconds_allowed .. " s at a time", 0)
        end
    end
    sethook(watch, "", 2000)
else
    python = nil
end
os.exit = function(status) flush() host.leave(tonumber(status) or (status == false and 1) or 0) end
io.write = function(...) return stdout:write(...) end
io.flush = function() stdout:flush() end
io.stdout, io.stderr = stdout, stderr

local loaded, loading = {}, {}
for _, name in ipairs({"string", "table", "math", "coroutine", "bit", "io", "os", "debug"}) do
    loaded[name] = globals[name]
end
loaded._G = globals
package = {loaded = loaded, path = "", cpath = "", preload = {}, config = "/\n;\n?\n!\n-\n"}
local real_require = require
require = function(name)
    name = tostring(name)
    if loaded[name] ~= nil then return loaded[name] end
    if loading[name] then error("loop or previous error loading module '" .. name .. "'", 2) end
    local preload = package.preload[name]
    local code, problem
    if preload then
        code = preload
    else
        local source, path = host.module(name)
        if source == nil then
            if trusted then return real_require(name) end
            error("module '" .. name .. "' not found beside the chisels", 2)
        end
        if byte(source, 1) == 27 then error("module '" .. name .. "' is no text", 2) end
        code, problem = loadstring(source, "@" .. path)
        if code == nil then error(problem, 2) end
    end
    loading[name] = true
    local result = code(name)
    loading[name] = nil
    if result ~= nil then
        loaded[name] = result
    elseif loaded[name] == nil then
        loaded[name] = true
    end
    return loaded[name]
end

-- chisel and sysdig

chisel = {}

function chisel.request_field(name)
    if type(name) ~= "string" then error("chisel requesting nil field", 2) end
    local handle, kind = host.request_field(name)
    kinds[handle] = kind
    return handle
end

function chisel.set_filter(text) host.set_filter(tostring(text)) end
function chisel.set_event_formatter(text) host.set_formatter(tostring(text)) end
function chisel.set_interval_ns(length) host.set_interval(tonumber(length), false) return true end
function chisel.set_interval_s(length) host.set_interval(tonumber(length) * 1e9, false) return true end
function chisel.set_precise_interval_ns(length) host.set_interval(tonumber(length), true) return true end
local replaced = false
function chisel.exec(name, ...)
    local words = {}
    for index = 1, select("#", ...) do words[index] = tostring((select(index, ...))) end
    host.exec(tostring(name), unpack(words))
    replaced = true
end

sysdig = {}

function sysdig.set_filter(text) host.set_global_filter(tostring(text)) end
function sysdig.get_filter() return host.get_filter() end
function sysdig.set_snaplen() end
function sysdig.set_output_format(name) host.set_output_format(tostring(name)) end
function sysdig.get_output_format() return host.get_output_format() end
function sysdig.set_fatfile_dump_mode() end
function sysdig.is_live() return host.is_live() end
function sysdig.is_tty() return host.is_tty() end
function sysdig.is_print_container_data() return host.is_print_container_data() end
function sysdig.get_evtsource_name() return host.get_evtsource_name() end
function sysdig.get_firstevent_ts() return host.get_firstevent_ts() end
function sysdig.get_lastevent_ts() return host.get_lastevent_ts() end
function sysdig.get_read_progress() return host.get_read_progress() end
function sysdig.run_app(line) host.run_app(tostring(line)) end
function sysdig.log(message, severity) host.log(tostring(message), tostring(severity)) end
function sysdig.udp_setpeername(address, port) return host.udp_setpeername(tostring(address), tostring(port)) end
function sysdig.udp_send(text) return host.udp_send(tostring(text)) end
function sysdig.push_metric(name, value, tags)
    local words = {}
    if type(tags) == "table" then
        for key, tag in pairs(tags) do
            words[#words + 1] = type(key) == "number" and tostring(tag) or tostring(key) .. "=" .. tostring(tag)
        end
    elseif tags ~= nil then
        words[1] = tostring(tags)
    end
    host.push_metric(tostring(name), tonumber(value), concat(words, ","))
end

function sysdig.get_terminal_info()
    local width, height = host.get_terminal_size()
    return {width = width, height = height}
end

function sysdig.get_machine_info()
    local cpus, memory, pids, name = host.get_machine_info()
    return {num_cpus = cpus, memory_size_bytes = memory, max_pid = pids, hostname = name}
end

local function thread_table(whole, descriptors)
    return function(filter)
        if type(filter) ~= "string" then filter = "" end
        return host.threads(filter, whole, descriptors)
    end
end

sysdig.get_thread_table = thread_table(true, true)
sysdig.get_thread_table_nofds = thread_table(true, false)
sysdig.get_thread_table_barebone = thread_table(false, true)
sysdig.get_thread_table_barebone_nofds = thread_table(false, false)
function sysdig.get_container_table() return host.containers() end

-- Times as texts of nanoseconds; sums wrap at 64 bits.

function sysdig.make_ts(seconds, nanoseconds) return host.make_ts(tonumber(seconds), tonumber(nanoseconds)) end
function sysdig.add_ts(left, right) return host.add_ts(tostring(left), tostring(right)) end
function sysdig.subtract_ts(left, right) return host.subtract_ts(tostring(left), tostring(right)) end

local ended = false
function sysdig.end_capture() ended = true end

-- For the host

local function argument_list()
    local names, list = {}, globals.args
    if type(list) ~= "table" then return nil end
    for index, entry in ipairs(list) do
        names[#names + 1] = {
            tostring(entry.name or ""), tostring(entry.description or ""), tostring(entry.argtype or ""),
            entry.optional == true,
        }
    end
    return names
end

local function truth(name, what, optional, ...)
    local callback = globals[name]
    progress = progress + 1
    if type(callback) ~= "function" then
        if optional then return true end
        error("it misses a " .. what .. " function", 0)
    end
    local result = callback(...)
    flush()
    -- Another script takes the place of this one, whatever this one says.
    if replaced then return true end
    if type(result) ~= "boolean" then error("wrong " .. what .. " return value", 0) end
    return result
end

local exported = {}

function exported.load(source, name)
    progress = progress + 1
    if byte(source, 1) == 27 then error("a chisel is text", 0) end
    local code, problem = loadstring(source, name)
    if code == nil then error(problem, 0) end
    code()
end

function exported.text(name)
    local value = globals[name]
    return type(value) == "string" and value or nil
end

function exported.has(name) return type(globals[name]) == "function" end
function exported.flag(name) return globals[name] == true end
function exported.view() return type(globals.view_info) == "table" and globals.view_info or nil end
exported.arguments = argument_list
function exported.last_words()
    -- None of the script runs here, so nothing needs to be watched.
    sethook()
    watch = function() end
    flush()
end
function exported.at_hand(there) here = there end
function exported.set_argument(name, value) return truth("on_set_arg", "set_arg()", false, name, value) end
function exported.on_init() return truth("on_init", "init()", true) end
function exported.on_capture_start() return truth("on_capture_start", "on_capture_start()", true) end

function exported.on_capture_end(seconds, nanoseconds, delta)
    local callback = globals.on_capture_end
    progress = progress + 1
    if type(callback) == "function" then callback(seconds, nanoseconds, delta) end
    flush()
end

function exported.run(calling, formatting)
    here = true
    progress = progress + 1
    while true do
        local what = step()
        if what == EVENT then
            -- Not for intervals: there may be any number of them between two events.
            progress = progress + 1
            local wanted = true
            if calling then
                wanted = globals.on_event()
                if ended then
                    flush()
                    return true
                end
            end
            if wanted and formatting then
                accept(piece_bytes)
                marked = true
            end
        elseif what == INTERVAL then
            if not globals.on_interval(interval()) then
                flush()
                error("execution terminated by the chisel", 0)
            end
        else
            flush()
            return false
        end
    end
end

return exported
