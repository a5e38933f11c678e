-- Matching of patterns that cannot run away. The functions of the interpreter match in C, where nothing interrupts them,
-- and a pattern with several repetitions can keep them busy for years. So a call whose worst case is too long is made
-- here, in Lua, where time is watched. Also, replacements by functions are made here, since each level of them takes much
-- of the C stack. Gets the functions of the interpreter and one that fails when time is over; gives back find, match, gmatch
-- and gsub.
local string, watch, steps = ...
local byte, char, sub, find, match, gmatch, gsub, rep =
    string.byte, string.char, string.sub, string.find, string.match, string.gmatch, string.gsub, string.rep
local type, error, tostring, tonumber, floor, max, min, concat, unpack, setmetatable, select =
    type, error, tostring, tonumber, math.floor, math.max, math.min, table.concat, unpack, setmetatable, select

-- Steps that a call of the interpreter's own may take at the worst.
local MOST_STEPS = steps or 2e8
-- A longer text may take so long that time is looked at before.
local LONG = 1e5
local MOST_ITEMS, MOST_CAPTURES = 4000, 32
-- Patterns whose analysis is kept.
local MOST_KEPT = 1000

local QUANTIFIERS = {["*"] = true, ["+"] = true, ["-"] = true, ["?"] = true}
local function malformed(what) error("malformed pattern (" .. what .. ")", 0) end

-- Which bytes an item of one character stands for, asked of the interpreter itself.

local sets, set_count = {}, 0

local function set_of(item)
    local set = sets[item]
    if not set then
        set = {}
        local pattern = "^" .. item
        for code = 0, 255 do set[code] = find(char(code), pattern) ~= nil end
        set_count = set_count + 1
        if set_count > MOST_KEPT then sets, set_count = {}, 0 end
        sets[item] = set
    end
    return set
end

local function end_of_set(pattern, at)
    -- at: place behind the bracket
    if sub(pattern, at, at) == "^" then at = at + 1 end
    local first = true
    while true do
        local letter = sub(pattern, at, at)
        if letter == "" then malformed("missing ']'") end
        if letter == "]" and not first then return at end
        if letter == "%" then
            at = at + 1
            if at > #pattern then malformed("ends with '%'") end
        end
        at = at + 1
        first = false
    end
end

local function compile(pattern)
    local items, captures, at = {}, 0, 1
    local repeated, doubled = 0, 0
    local anchored = sub(pattern, 1, 1) == "^"
    if anchored then at = 2 end
    local function add(item)
        if #items >= MOST_ITEMS then error("pattern too complex", 0) end
        items[#items + 1] = item
    end
    while at <= #pattern do
        local letter = sub(pattern, at, at)
        local following = sub(pattern, at + 1, at + 1)
        if letter == "(" then
            captures = captures + 1
            if captures > MOST_CAPTURES then error("too many captures", 0) end
            if following == ")" then
                add({kind = "place"})
                at = at + 2
            else
                add({kind = "open"})
                at = at + 1
            end
        elseif letter == ")" then
            add({kind = "close"})
            at = at + 1
        elseif letter == "$" and at == #pattern then
            add({kind = "end"})
            at = at + 1
        elseif letter == "%" and following == "b" then
            if at + 3 > #pattern then malformed("missing arguments to '%b'") end
            repeated = repeated + 1
            add({kind = "balanced", left = byte(pattern, at + 2), right = byte(pattern, at + 3)})
            at = at + 4
        elseif letter == "%" and following == "f" then
            if sub(pattern, at + 2, at + 2) ~= "[" then error("missing '[' after '%f' in pattern", 0) end
            local stop = end_of_set(pattern, at + 3)
            add({kind = "border", set = set_of(sub(pattern, at + 2, stop))})
            at = stop + 1
        elseif letter == "%" and find(following, "^%d") then
            repeated = repeated + 1
            add({kind = "again", capture = tonumber(following)})
            at = at + 2
        else
            local stop = at
            if letter == "%" then
                if following == "" then malformed("ends with '%'") end
                stop = at + 1
            elseif letter == "[" then
                stop = end_of_set(pattern, at + 1)
            end
            local text = sub(pattern, at, stop)
            if stop == at and find(text, "^[%^%$%*%+%-%?%]]") then text = "%" .. text end
            local quantifier = sub(pattern, stop + 1, stop + 1)
            if QUANTIFIERS[quantifier] then
                if quantifier == "?" then doubled = doubled + 1 else repeated = repeated + 1 end
                at = stop + 2
            else
                quantifier = nil
                at = stop + 1
            end
            add({kind = "one", set = set_of(text), quantifier = quantifier})
        end
    end
    local power = repeated + (anchored and 0 or 1)
    local rest = MOST_STEPS / 2 ^ doubled / max(#items, 1)
    return {
        items = items, anchored = anchored, captures = captures,
        -- A longer text is matched here.
        most = rest < 1 and -1 or power == 0 and 1 / 0 or floor(rest ^ (1 / power)),
    }
end

local kept, kept_count = {}, 0

local function compiled(pattern)
    local found = kept[pattern]
    if not found then
        found = compile(pattern)
        kept_count = kept_count + 1
        if kept_count > MOST_KEPT then kept, kept_count = {}, 1 end
        kept[pattern] = found
    end
    return found
end

-- The place behind the match of the items from a number on, nil if there is none.

local function matched(state, at, number)
    local text, last, items = state.text, state.last, state.items
    while true do
        local item = items[number]
        if not item then return at end
        local kind = item.kind
        if kind == "one" then
            local set, quantifier = item.set, item.quantifier
            if not quantifier then
                if at > last or not set[byte(text, at)] then return nil end
                at = at + 1
            elseif quantifier == "?" then
                if at <= last and set[byte(text, at)] then
                    local stop = matched(state, at + 1, number + 1)
                    if stop then return stop end
                end
            elseif quantifier == "-" then
                while true do
                    local stop = matched(state, at, number + 1)
                    if stop then return stop end
                    if at > last or not set[byte(text, at)] then return nil end
                    at = at + 1
                end
            else
                local count = 0
                while at + count <= last and set[byte(text, at + count)] do count = count + 1 end
                for length = count, quantifier == "+" and 1 or 0, -1 do
                    local stop = matched(state, at + length, number + 1)
                    if stop then return stop end
                end
                return nil
            end
        elseif kind == "open" or kind == "place" then
            local level = state.level + 1
            state.level = level
            state.from[level], state.length[level] = at, kind == "place" and -2 or -1
            local stop = matched(state, at, number + 1)
            if not stop then state.level = level - 1 end
            return stop
        elseif kind == "close" then
            local level = state.level
            while level > 0 and state.length[level] ~= -1 do level = level - 1 end
            if level == 0 then error("invalid pattern capture", 0) end
            state.length[level] = at - state.from[level]
            local stop = matched(state, at, number + 1)
            if not stop then state.length[level] = -1 end
            return stop
        elseif kind == "end" then
            if at ~= last + 1 then return nil end
        elseif kind == "balanced" then
            if at > last or byte(text, at) ~= item.left then return nil end
            local depth, place = 1, at
            while depth > 0 do
                place = place + 1
                if place > last then return nil end
                local code = byte(text, place)
                if code == item.right then
                    depth = depth - 1
                elseif code == item.left then
                    depth = depth + 1
                end
            end
            at = place + 1
        elseif kind == "border" then
            if item.set[at > 1 and byte(text, at - 1) or 0] or not item.set[at <= last and byte(text, at) or 0] then
                return nil
            end
        else
            local capture = item.capture
            if capture < 1 or capture > state.level or state.length[capture] == -1 then
                error("invalid capture index", 0)
            end
            local length, from = state.length[capture], state.from[capture]
            if length == -2 or at + length - 1 > last or sub(text, at, at + length - 1) ~= sub(text, from, from + length - 1) then
                return nil
            end
            at = at + length
        end
        number = number + 1
    end
end

local function capture_of(state, number)
    local length = state.length[number]
    if length == -1 then error("unfinished capture", 0) end
    if length == -2 then return state.from[number] end
    return sub(state.text, state.from[number], state.from[number] + length - 1)
end

local function captures_of(state, first, stop)
    local values = {}
    for number = 1, state.level do values[number] = capture_of(state, number) end
    if state.level == 0 and first then values[1] = sub(state.text, first, stop - 1) end
    return values
end

local function begin(text, plan)
    return {text = text, last = #text, items = plan.items, from = {}, length = {}, level = 0}
end

local function first_match(state, plan, at)
    while true do
        state.level = 0
        local stop = matched(state, at, 1)
        if stop then return at, stop end
        at = at + 1
        if plan.anchored or at > state.last + 1 then return nil end
    end
end

local function first_place(text, init)
    init = tonumber(init) or 1
    if init < 0 then init = max(#text + init + 1, 1) end
    return min(max(floor(init), 1), #text + 1)
end

-- Whether the interpreter may do it itself; its complaints about arguments and patterns are its own, too.

local function quick(text, pattern)
    if type(text) ~= "string" or type(pattern) ~= "string" then return true end
    if #text > LONG then watch() end
    return #text <= compiled(pattern).most
end

local guarded = {}

function guarded.find(text, pattern, init, plain)
    if plain then
        if type(text) == "string" and #text > LONG then watch() end
        return find(text, pattern, init, plain)
    end
    if quick(text, pattern) then return find(text, pattern, init) end
    local plan = compiled(pattern)
    local state = begin(text, plan)
    local at = first_place(text, init)
    local from, stop = first_match(state, plan, at)
    if not from then return nil end
    return from, stop - 1, unpack(captures_of(state))
end

function guarded.match(text, pattern, init)
    if quick(text, pattern) then return match(text, pattern, init) end
    local plan = compiled(pattern)
    local state = begin(text, plan)
    local at = first_place(text, init)
    local from, stop = first_match(state, plan, at)
    if not from then return nil end
    return unpack(captures_of(state, from, stop))
end

function guarded.gmatch(text, pattern)
    if quick(text, pattern) then return gmatch(text, pattern) end
    local plan = compiled(pattern)
    if plan.anchored then
        -- No anchor here, but the character.
        plan = compiled("%" .. pattern)
    end
    local state, at = begin(text, plan), 1
    return function()
        if at > state.last + 1 then return nil end
        local from, stop = first_match(state, plan, at)
        if not from then
            at = state.last + 2
            return nil
        end
        at = stop > from and stop or stop + 1
        return unpack(captures_of(state, from, stop))
    end
end

local function expanded(replacement, values, whole)
    local pieces, at = {}, 1
    while true do
        local place = find(replacement, "%", at, true)
        if not place then break end
        pieces[#pieces + 1] = sub(replacement, at, place - 1)
        local letter = sub(replacement, place + 1, place + 1)
        if letter == "0" then
            pieces[#pieces + 1] = whole
        elseif find(letter, "^%d") then
            local value = values[tonumber(letter)]
            if value == nil then error("invalid capture index", 0) end
            pieces[#pieces + 1] = tostring(value)
        else
            pieces[#pieces + 1] = letter
        end
        at = place + 2
    end
    pieces[#pieces + 1] = sub(replacement, at)
    return concat(pieces)
end

function guarded.gsub(text, pattern, replacement, most)
    local kind = type(replacement)
    if kind == "number" then replacement, kind = tostring(replacement), "string" end
    if type(text) == "number" then text = tostring(text) end
    if type(text) ~= "string" or type(pattern) ~= "string" or (most ~= nil and not tonumber(most))
        or (kind ~= "string" and kind ~= "function" and kind ~= "table") then
        return gsub(text, pattern, replacement, most)
    end
    local plan = compiled(pattern)
    local own = #text <= plan.most
    if own and kind == "string" then return gsub(text, pattern, replacement, most) end
    most = most and floor(tonumber(most)) or 1 / 0
    local state, pieces, count, at = begin(text, plan), {}, 0, 1
    while count < most do
        local from, stop, values
        if own then
            values = {find(text, pattern, at)}
            from, stop = values[1], values[2] and values[2] + 1
            if from then
                values = #values > 2 and {unpack(values, 3)} or {sub(text, from, stop - 1)}
            end
        else
            from, stop = first_match(state, plan, at)
            if from then values = captures_of(state, from, stop) end
        end
        if not from then break end
        count = count + 1
        local whole, value = sub(text, from, stop - 1), nil
        if kind == "string" then
            value = expanded(replacement, values, whole)
        elseif kind == "function" then
            value = replacement(unpack(values))
        else
            value = replacement[values[1]]
        end
        if not value then
            value = whole
        elseif type(value) ~= "string" and type(value) ~= "number" then
            error("invalid replacement value (a " .. type(value) .. ")", 2)
        end
        pieces[#pieces + 1] = sub(text, at, from - 1)
        pieces[#pieces + 1] = value
        at = stop
        if stop == from then
            -- Nothing was taken: the next character stays as it is.
            pieces[#pieces + 1] = sub(text, at, at)
            at = at + 1
            if at > #text + 1 then break end
        end
        if plan.anchored then break end
    end
    pieces[#pieces + 1] = sub(text, at)
    return concat(pieces), count
end

return guarded
