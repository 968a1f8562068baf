namespace Fewshot.Gateway.Jobs;

/// <summary>What the job store does in Redis, each in one step, each harmless when repeated.</summary>
internal static class RedisJobScripts
{
    /// <summary>Published with a job's id when it has new events.</summary>
    public const string Channel = "job-events";

    /// <summary>ARGV: attempt, epoch. Whether KEYS[1], the hash of the claim, is not another's; also where the server lost it.</summary>
    private const string Held = """
        local claim = redis.call('HMGET', KEYS[1], 'attempt', 'epoch')
        if claim[2] and (claim[1] ~= ARGV[1] or claim[2] ~= ARGV[2]) then return false end

        """;

    /// <summary>
    /// KEYS: job, jobs, unfinished, the tenant's jobs, its unfinished ones. ARGV: id, record, time, whether it has ended, how many unfinished ones
    /// the tenant may have or nothing. The record that is there now, which the tenant's lists may lack; nothing where the tenant has too many.
    /// </summary>
    public const string Create = """
        local record = redis.call('HGET', KEYS[1], 'record')
        if not record then
          if ARGV[5] ~= '' and redis.call('ZCARD', KEYS[5]) >= tonumber(ARGV[5]) then return false end
          record = ARGV[2]
          redis.call('HSET', KEYS[1], 'record', record)
          redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
          if ARGV[4] == '0' then redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1]) end
        end
        for i = 2, 3 do
          local time = redis.call('ZSCORE', KEYS[i], ARGV[1])
          if time then redis.call('ZADD', KEYS[i + 2], time, ARGV[1]) end
        end
        return record
        """;

    /// <summary>
    /// KEYS: claim, job, events, jobs, unfinished, the tenant's jobs, its unfinished ones. ARGV: attempt, epoch, number of the first event, id, what to publish on, then the new record or
    /// nothing, its time and whether it has ended; then events. Nothing when the claim is another's. Where the server lost the events before,
    /// <c>base</c> says how many those were; where it lost the newest, blanks stand for them.
    /// </summary>
    public const string Append = Held + """
        local base = tonumber(redis.call('HGET', KEYS[2], 'base') or 0)
        local count = redis.call('LLEN', KEYS[3])
        if count == 0 and tonumber(ARGV[3]) > base + 1 then
          base = tonumber(ARGV[3]) - 1
          redis.call('HSET', KEYS[2], 'base', base)
        end
        while base + count + 1 < tonumber(ARGV[3]) do
          redis.call('RPUSH', KEYS[3], '')
          count = count + 1
        end
        for i = 9, #ARGV do
          if ARGV[3] + i - 9 > base + count then redis.call('RPUSH', KEYS[3], ARGV[i]) end
        end
        if ARGV[6] ~= '' then
          redis.call('HSET', KEYS[2], 'record', ARGV[6])
          for i = 4, 6, 2 do
            redis.call('ZADD', KEYS[i], ARGV[7], ARGV[4])
            if ARGV[8] == '1' then redis.call('ZREM', KEYS[i + 1], ARGV[4]) else redis.call('ZADD', KEYS[i + 1], ARGV[7], ARGV[4]) end
          end
        end
        redis.call('PUBLISH', ARGV[5], ARGV[4])
        return 1
        """;

    /// <summary>KEYS: job, events. ARGV: number of the first event, how many at most. The events.</summary>
    public const string Read = """
        local skip = math.max(0, ARGV[1] - 1 - tonumber(redis.call('HGET', KEYS[1], 'base') or 0))
        return redis.call('LRANGE', KEYS[2], skip, skip + ARGV[2] - 1)
        """;

    /// <summary>KEYS: job, events. The number of the newest event.</summary>
    public const string Last = "return tonumber(redis.call('HGET', KEYS[1], 'base') or 0) + redis.call('LLEN', KEYS[2])";

    /// <summary>KEYS: job, events, then the lists it may be in. ARGV: id.</summary>
    public const string Forget = """
        redis.call('UNLINK', KEYS[1], KEYS[2])
        for i = 3, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end
        return 1
        """;

    /// <summary>KEYS: job. ARGV: id, what to publish on.</summary>
    public const string Cancel = """
        redis.call('HSET', KEYS[1], 'cancel', 1)
        redis.call('PUBLISH', ARGV[2], ARGV[1])
        return 1
        """;
}
