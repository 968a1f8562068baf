using System.IO.Pipelines;
using System.Runtime.ExceptionServices;

namespace Fewshot.Artifacts;

/// <summary>Artifacts that are written while they are stored.</summary>
public static class ArtifactWriting
{
    /// <summary>Stores what the callback writes, on the calling thread: it is never in memory twice, and never half-written in the store.</summary>
    /// <exception cref="StoreFullException">The disk is full.</exception>
    public static ArtifactInfo Put(this IArtifactStore artifacts, Action<Stream> write)
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 4 << 20, resumeWriterThreshold: 2 << 20, useSynchronizationContext: false));
        var put = Task.Run(async () =>
        {
            try
            {
                return await artifacts.PutAsync(pipe.Reader.AsStream());
            }
            finally
            {
                // A writer that outlives its reader gets an exception instead of waiting for ever.
                await pipe.Reader.CompleteAsync();
            }
        });
        Exception? failure = null;
        try
        {
            using var stream = pipe.Writer.AsStream(leaveOpen: true);
            write(stream);
        }
        catch (Exception e)
        {
            failure = e;
        }

        pipe.Writer.Complete(failure);
        try
        {
            return put.GetAwaiter().GetResult();
        }
        catch (Exception e) when (failure is not null && e is not StoreFullException)
        {
            ExceptionDispatchInfo.Throw(failure);
            throw;
        }
    }
}
