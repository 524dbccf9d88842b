package store

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"
)

// The results that the compare-and-set scripts share.
const (
	resultMissing  = -2 // there is no such document
	resultNewer    = -1 // a newer version of the program wrote it
	resultConflict = 0  // it isn't as expected
	resultDone     = 1  // written, or found written by this very call: an answer may get lost
)

// transitionScript is the one way an order changes; making it is the case without a state before.
//
//	KEYS  1 order  2 log  3 due set  4 set of the state before  5 set of the state after
//	      6 all orders
//	ARGV  1 id  2 state before, "" to create  3 version before  4 schema this program knows
//	      5 document  6 log entry, "" for none  7 due time in ms, "" when finished
//	      8 time of the change in ms  9 how many log entries are kept
//	      10 for how many ms an order that came to nothing is kept, "" for ever
//	      11 not "" where the time in the state before counts as time in the state after
//	      12 when the order was made, in ms
//
// The sets of states have since when each order is in its state, the one of all when each was made.
//
// It returns one of the results above.
const transitionScript = `
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[5] then return 1 end
if ARGV[2] == '' then
  if stored then return 0 end
else
  if not stored then return -2 end
  local order = cjson.decode(stored)
  if order.schema > tonumber(ARGV[4]) then return -1 end
  if order.state ~= ARGV[2] or order.version ~= tonumber(ARGV[3]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[5])
if ARGV[6] ~= '' then
  redis.call('RPUSH', KEYS[2], ARGV[6])
  redis.call('LTRIM', KEYS[2], -tonumber(ARGV[9]), -1)
end
local since = ARGV[8]
if KEYS[4] ~= KEYS[5] then
  if ARGV[11] ~= '' then since = redis.call('ZSCORE', KEYS[4], ARGV[1]) or since end
  redis.call('ZREM', KEYS[4], ARGV[1])
end
redis.call('ZADD', KEYS[5], 'NX', since, ARGV[1])
redis.call('ZADD', KEYS[6], 'NX', ARGV[12], ARGV[1])
if ARGV[7] == '' then
  redis.call('ZREM', KEYS[3], ARGV[1])
else
  redis.call('ZADD', KEYS[3], ARGV[7], ARGV[1])
end
if ARGV[10] ~= '' then
  redis.call('PEXPIRE', KEYS[1], ARGV[10])
  redis.call('PEXPIRE', KEYS[2], ARGV[10])
  local gone = redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', tonumber(ARGV[8]) - tonumber(ARGV[10]))
  for _, id in ipairs(gone) do
    redis.call('ZREM', KEYS[5], id)
    redis.call('ZREM', KEYS[6], id)
  end
else
  redis.call('PERSIST', KEYS[2])
end
return 1
`

// sessionScript saves a conversation.
//
//	KEYS  1 session  2 customer  3 updates seen
//	ARGV  1 version before, 0 for none  2 schema this program knows  3 session  4 its TTL in ms
//	      5 customer, "" to leave it  6 update id, "" for none  7 now in ms
//	      8 how many updates are remembered  9 for how many ms
//
// It returns one of the results above, never resultMissing.
const sessionScript = `
local stored = redis.call('GET', KEYS[1])
if stored ~= ARGV[3] then
  local version = 0
  if stored then
    local session = cjson.decode(stored)
    if session.schema > tonumber(ARGV[2]) then return -1 end
    version = session.version
  end
  if version ~= tonumber(ARGV[1]) then return 0 end
  redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
end
if ARGV[5] ~= '' then redis.call('SET', KEYS[2], ARGV[5]) end
if ARGV[6] ~= '' then
  redis.call('ZADD', KEYS[3], ARGV[7], ARGV[6])
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -tonumber(ARGV[8]) - 1)
  redis.call('PEXPIRE', KEYS[3], ARGV[9])
end
return 1
`

// esimScript saves an eSIM and its place in the due set, and counts it under the standing that stands in
// its document instead of the one before.
//
//	KEYS  1 eSIM  2 due set  3 number of eSIMs by standing
//	ARGV  1 version before, 0 to create  2 schema this program knows  3 document  4 id
//	      5 due time in ms, "" for never, "=" to leave the due set as it is
//
// It returns one of the results above, never resultMissing. What it needs of a document stands first
// there and is picked out, since reading all of it takes longer than everything else; a document that
// begins in another way is read whole.
const esimScript = `
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[3] then return 1 end
local schema, version = 0, 0
if stored then
  schema, version = string.match(stored, '^{"schema":(%d+),"version":(%d+)[,}]')
  if not schema then
    local document = cjson.decode(stored)
    schema, version = document.schema, document.version
  end
end
if tonumber(schema) > tonumber(ARGV[2]) then return -1 end
if tonumber(version) ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[3])
local counted = '^{"schema":%d+,"version":%d+,"q":(%d+)'
local was, is = stored and string.match(stored, counted), string.match(ARGV[3], counted)
if was ~= is then
  if was then redis.call('HINCRBY', KEYS[3], was, -1) end
  if is then redis.call('HINCRBY', KEYS[3], is, 1) end
end
if ARGV[5] == '' then
  redis.call('ZREM', KEYS[2], ARGV[4])
elseif ARGV[5] ~= '=' then
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
end
return 1
`

// eraseESIMScript deletes an eSIM with all that esimScript wrote of it.
//
//	KEYS  1 eSIM  2 due set  3 number of eSIMs by standing
//	ARGV  1 id
//
// It returns 1 if it was there.
const eraseESIMScript = `
redis.call('ZREM', KEYS[2], ARGV[1])
local stored = redis.call('GET', KEYS[1])
if not stored then return 0 end
local was = string.match(stored, '^{"schema":%d+,"version":%d+,"q":(%d+)')
if was then redis.call('HINCRBY', KEYS[3], was, -1) end
return redis.call('DEL', KEYS[1])
`

// leaseScript takes what is most overdue in a part of the due set, and puts it off.
//
//	KEYS  1 due set
//	ARGV  1 now in ms  2 until when it is put off, in ms  3 how many at most
//
// It returns id, due time, id, due time, …
const leaseScript = `
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
for i = 1, #due, 2 do redis.call('ZADD', KEYS[1], ARGV[2], due[i]) end
return due
`

// forgetScript takes an eSIM that isn't there out of the due set.
//
//	KEYS  1 eSIM  2 due set
//	ARGV  1 id
//
// It returns 1 if it was there to be taken out.
const forgetScript = `
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
return redis.call('ZREM', KEYS[2], ARGV[1])
`

// rateScript gives out moments that lie at least an interval apart, in the order in which it is asked:
// the generic cell rate algorithm without bursts.
//
//	KEYS  1 the moment that is free next
//	ARGV  1 now  2 interval  3 the longest wait, all in µs
//
// It returns for how many µs to wait, or -1 where that would be longer than the longest wait: then no
// moment was given out. A moment further off than could have been given out is that of a clock that
// was set back, and doesn't count.
const rateScript = `
local now, interval, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local free = tonumber(redis.call('GET', KEYS[1]) or '0')
if free < now or free > now + 60000000 + interval then free = now end
if free - now > longest then return -1 end
redis.call('SET', KEYS[1], string.format('%.0f', free + interval), 'PX', math.ceil((free + interval - now) / 1000))
return free - now
`

// leadScript has a look-up lead elsewhere if it leads where it is thought to lead.
//
//	KEYS  1 look-up
//	ARGV  1 where it leads, "" for nowhere  2 where it is to lead
//
// It returns where it leads now.
const leadScript = `
local leads = redis.call('GET', KEYS[1]) or ''
if leads ~= ARGV[1] then return leads end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
`

// admitScript counts a payment page about to be opened, once, if the customer may have it.
//
//	KEYS  1 pages opened  2 pages open  3 orders paid  4 the customer's eSIMs  5 the customer's block
//	ARGV  1 order id  2 now  3 an hour ago  4 a day ago, all in ms
//	      5 most pages an hour  6 most open pages  7 most paid orders a day before the first eSIM
//
// It returns 1, 2 for a customer without an eSIM, 0 past a limit, or -1 for a customer who is blocked,
// also where the page was counted before.
const admitScript = `
if redis.call('EXISTS', KEYS[5]) == 1 then return -1 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[4])
local admitted = 1
if redis.call('ZCARD', KEYS[4]) == 0 then admitted = 2 end
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return admitted end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[5]) then return 0 end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[6]) then return 0 end
if admitted == 2 and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[7]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], 3600000)
redis.call('PEXPIRE', KEYS[2], 86400000)
return admitted
`

// soldScript counts an order among a day's sales, once.
//
//	KEYS  1 the day's statistics
//	ARGV  1 the order's own field  2 the field to count in  3 TTL in ms
//
// It returns 1 if the order was counted now.
const soldScript = `
if redis.call('HSETNX', KEYS[1], ARGV[1], '1') == 0 then return 0 end
redis.call('HINCRBY', KEYS[1], ARGV[2], 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`

// countsScript returns a day's counters without the marks of the orders counted.
//
//	KEYS  1 the day's statistics
//	ARGV  1 the prefix of the counters' fields
//
// It returns field, value, field, value, …
const countsScript = `
local all, counts = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  if string.sub(all[i], 1, #ARGV[1]) == ARGV[1] then
    counts[#counts + 1] = all[i]
    counts[#counts + 1] = all[i + 1]
  end
end
return counts
`

// countScript counts what happened to an order in the figures of the days it happened on: each thing
// once, and of the money that went back the difference to what was counted.
//
//	KEYS  1 the order's marks  2 figures of the day of this change  3… figures of other days
//	ARGV  1 TTL of the marks  2 TTL of figures, both in ms  3 the order's version
//	      4 field of the money that went back  5 its total in minor units  6 field that counts refunds
//	      7… groups of four: mark, number of the key, field, by how much
//
// A total that fell is counted too, for a refund may fail after it succeeded. An older version than
// the one counted changes nothing there. It returns 1.
const countScript = `
local function add(key, field, by)
  redis.call('HINCRBY', key, field, by)
  redis.call('PEXPIRE', key, ARGV[2])
end
local fresh = {}
for i = 7, #ARGV, 4 do
  local mark = ARGV[i]
  if fresh[mark] == nil then fresh[mark] = redis.call('HSETNX', KEYS[1], mark, 1) == 1 end
  if fresh[mark] then add(KEYS[tonumber(ARGV[i + 1])], ARGV[i + 2], ARGV[i + 3]) end
end
local back, version = redis.call('HGET', KEYS[1], 'r'), redis.call('HGET', KEYS[1], 'v')
local more = tonumber(ARGV[5]) - tonumber(back or '0')
if tonumber(ARGV[3]) >= tonumber(version or '0') and (back or more ~= 0) then
  redis.call('HSET', KEYS[1], 'r', ARGV[5], 'v', ARGV[3])
  if more ~= 0 then add(KEYS[2], ARGV[4], string.format('%.0f', more)) end
  if more > 0 then add(KEYS[2], ARGV[6], 1) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
`

// dropScript deletes a look-up that leads where it is thought to lead.
//
//	KEYS  1 look-up
//	ARGV  1 where it leads
//
// It returns 1 if it was deleted.
const dropScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`

// askScript counts what a customer may do so many times within a time, each doing once.
//
//	KEYS  1 doings
//	ARGV  1 name of this one  2 now  3 the beginning of that time, both in ms
//	      4 most of them  5 how long that time is in ms
//
// It returns 1, or 0 past the limit.
const askScript = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 1 end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
`

// scripts are run by their digest, and sent whole where the server doesn't know it. In a pipeline
// that second try takes runAll, or the texts above go with Eval.
type scripts struct {
	transition, session, esim, lease, admit, ask, rate, lead, backlog *redis.Script
}

func newScripts() scripts {
	return scripts{
		transition: redis.NewScript(transitionScript),
		session:    redis.NewScript(sessionScript),
		esim:       redis.NewScript(esimScript),
		lease:      redis.NewScript(leaseScript),
		admit:      redis.NewScript(admitScript),
		ask:        redis.NewScript(askScript),
		rate:       redis.NewScript(rateScript),
		lead:       redis.NewScript(leadScript),
		backlog:    redis.NewScript(backlogScript),
	}
}

// A scriptCall is one run of a script in a pipeline.
type scriptCall struct {
	keys []string
	args []any
}

// runAll runs a script for each call in one round trip; in a second one for those whose server didn't
// know it. The commands are in the order of the calls and hold each one's own error.
func (s *Store) runAll(ctx context.Context, script *redis.Script, calls []scriptCall) []*redis.Cmd {
	cmds := make([]*redis.Cmd, len(calls))
	_, _ = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // each command holds its own error
		for i, c := range calls {
			cmds[i] = script.EvalSha(ctx, p, c.keys, c.args...)
		}
		return nil
	})
	unknown := func(c *redis.Cmd) bool { return redis.HasErrorPrefix(c.Err(), "NOSCRIPT") }
	if !slices.ContainsFunc(cmds, unknown) {
		return cmds
	}
	_, _ = s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, c := range calls {
			if unknown(cmds[i]) {
				cmds[i] = script.Eval(ctx, p, c.keys, c.args...)
			}
		}
		return nil
	})
	return cmds
}
