namespace Fewshot.Artifacts.Redis;

/// <summary>
/// What the ledger does in Redis, each in one step, each harmless when repeated. The hash of a step: <c>result</c>, or <c>attempt</c>, <c>owner</c>
/// and <c>expires</c> (server time, ms) of whoever holds it; <c>checkpoint</c>; <c>epoch</c>, which stays when a lease ends.
/// </summary>
internal static class LedgerScripts
{
    private const string Now = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)

        """;

    /// <summary>ARGV: attempt, epoch. <c>held()</c> also where the whole hash is gone: then the server lost it, and nobody else holds the step.</summary>
    private const string Held = """
        local function held()
          local step = redis.call('HMGET', KEYS[1], 'attempt', 'epoch')
          return not step[2] or (step[1] == ARGV[1] and step[2] == ARGV[2])
        end

        """;

    /// <summary>KEYS: step, server. ARGV: attempt, lease in ms, owner. The epoch, or 0 where there is a result or another's lease.</summary>
    public const string Acquire = Now + """
        local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
        local server = redis.call('HMGET', KEYS[2], 'run', 'since')
        if server[1] ~= run then
          server[2] = now
          redis.call('HSET', KEYS[2], 'run', run, 'since', now)
        end
        local step = redis.call('HMGET', KEYS[1], 'result', 'attempt', 'epoch', 'expires')
        if step[1] then return 0 end
        if step[2] and step[2] ~= ARGV[1] and now < math.max(step[4], server[2] + ARGV[2]) then return 0 end
        local epoch = step[2] == ARGV[1] and step[3] or redis.call('HINCRBY', KEYS[1], 'epoch', 1)
        redis.call('HSET', KEYS[1], 'attempt', ARGV[1], 'owner', ARGV[3], 'expires', now + ARGV[2])
        return tonumber(epoch)
        """;

    /// <summary>KEYS: step. ARGV: attempt, epoch, lease in ms. Nothing when the lease is another's.</summary>
    public const string Renew = Now + Held + """
        if not held() then return false end
        redis.call('HSET', KEYS[1], 'attempt', ARGV[1], 'epoch', ARGV[2], 'expires', now + ARGV[3])
        return 'renewed'
        """;

    /// <summary>KEYS: step. ARGV: attempt, epoch, lease in ms, checkpoint. Nothing when the lease is another's.</summary>
    public const string SetCheckpoint = Now + Held + """
        if not held() then return false end
        redis.call('HSET', KEYS[1], 'attempt', ARGV[1], 'epoch', ARGV[2], 'expires', now + ARGV[3], 'checkpoint', ARGV[4])
        return 'set'
        """;

    /// <summary>KEYS: step. ARGV: attempt, epoch, lease in ms, result. The result that counts; nothing when the lease is another's.</summary>
    public const string Complete = Held + """
        local result = redis.call('HGET', KEYS[1], 'result')
        if result then return result end
        if not held() then return false end
        redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'result', ARGV[4])
        redis.call('HDEL', KEYS[1], 'attempt', 'owner', 'expires', 'checkpoint')
        return ARGV[4]
        """;

    /// <summary>KEYS: step. ARGV: attempt, epoch.</summary>
    public const string Release = """
        local step = redis.call('HMGET', KEYS[1], 'attempt', 'epoch')
        if step[1] == ARGV[1] and step[2] == ARGV[2] then redis.call('HDEL', KEYS[1], 'attempt', 'owner', 'expires') end
        return 1
        """;

    /// <summary>KEYS: step. ARGV: result.</summary>
    public const string Forget = """
        if redis.call('HGET', KEYS[1], 'result') == ARGV[1] then redis.call('HDEL', KEYS[1], 'result') end
        return 1
        """;
}
