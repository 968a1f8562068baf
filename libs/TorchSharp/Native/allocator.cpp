// Keeps large blocks of CPU tensors for the next use instead of giving them back. A training step frees its activations and asks for the
// same sizes again; from the kernel every page of them would be mapped and cleared anew (measured: two thirds of a step on a worker thread,
// where glibc's arenas end at 64 MiB). Kept and used blocks together exceed what was in use at the highest point by a quarter at most, and by no more
// than 256 MiB: without that room, steps whose sizes come in another order would drop blocks only to map them again.
#include "shim.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <unordered_map>

namespace {

constexpr size_t page = 4096, alignment = 64, smallest_kept = 256 * 1024, huge_page = 2 << 20, most_room = 256 << 20;

class BlockCache {
 public:
  void* take(size_t bytes) {
    const size_t wanted = (bytes + page - 1) / page * page;
    std::lock_guard<std::mutex> lock(mutex_);
    const auto fit = free_.lower_bound(wanted);
    // A block may be a quarter larger than asked, so that nearly equal sizes share.
    if (fit != free_.end() && fit->first <= wanted + wanted / 4) {
      void* block = fit->second.memory;
      used_[block] = fit->first;
      in_use_ += fit->first;
      kept_ -= fit->first;
      free_.erase(fit);
      peak_ = std::max(peak_, in_use_);
      return block;
    }
    peak_ = std::max(peak_, in_use_ + wanted);
    while (kept_ > 0 && in_use_ + wanted + kept_ > peak_ + std::min(peak_ / 4, most_room)) drop_oldest();
    void* block = map(wanted);
    if (!block && kept_ > 0) {
      while (kept_ > 0) drop_oldest();
      block = map(wanted);
    }
    TORCH_CHECK(block, "not enough memory: ", bytes, " bytes were asked for");
    used_[block] = wanted;
    in_use_ += wanted;
    return block;
  }

  // False when the block is not one of these.
  bool give_back(void* block) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = used_.find(block);
    if (found == used_.end()) return false;
    in_use_ -= found->second;
    kept_ += found->second;
    free_.emplace(found->second, Free{block, ++clock_});
    used_.erase(found);
    return true;
  }

  void drop_all() {
    std::lock_guard<std::mutex> lock(mutex_);
    while (kept_ > 0) drop_oldest();
    peak_ = in_use_;
  }

  int64_t kept() {
    std::lock_guard<std::mutex> lock(mutex_);
    return static_cast<int64_t>(kept_);
  }

 private:
  struct Free {
    void* memory;
    uint64_t freed_at;
  };

  static void* map(size_t bytes) {
    void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return nullptr;
#ifdef MADV_HUGEPAGE
    if (bytes >= 2 * huge_page) madvise(block, bytes, MADV_HUGEPAGE);
#endif
    return block;
  }

  void drop_oldest() {
    auto oldest = free_.begin();
    for (auto entry = free_.begin(); entry != free_.end(); ++entry)
      if (entry->second.freed_at < oldest->second.freed_at) oldest = entry;
    munmap(oldest->second.memory, oldest->first);
    kept_ -= oldest->first;
    free_.erase(oldest);
  }

  std::mutex mutex_;
  std::multimap<size_t, Free> free_;
  std::unordered_map<void*, size_t> used_;
  size_t in_use_ = 0, kept_ = 0, peak_ = 0;
  uint64_t clock_ = 0;
};

// Never destroyed: tensors may be freed after the destructors of statics have run.
BlockCache& cache() {
  static auto* instance = new BlockCache();
  return *instance;
}

void free_any(void* block) {
  if (block && !cache().give_back(block)) std::free(block);
}

void free_large(void* block) { cache().give_back(block); }

// allocate lost its const and copy_data came during 2.x: both forms are here, and whichever libtorch declares is overridden.
class KeepingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) { return obtain(bytes); }
  c10::DataPtr allocate(size_t bytes) const { return obtain(bytes); }
  void copy_data(void* target, const void* source, std::size_t count) const { std::memcpy(target, source, count); }
  c10::DeleterFnPtr raw_deleter() const override { return &free_any; }

 private:
  static c10::DataPtr obtain(size_t bytes) {
    const c10::Device cpu(c10::kCPU);
    if (bytes == 0) return {nullptr, nullptr, &free_any, cpu};
    if (bytes >= smallest_kept) {
      void* block = cache().take(bytes);
      return {block, block, &free_large, cpu};
    }
    void* block = nullptr;
    TORCH_CHECK(posix_memalign(&block, alignment, bytes) == 0, "not enough memory: ", bytes, " bytes were asked for");
    return {block, block, &std::free, cpu};
  }
};

}  // namespace

// From now on CPU tensors take large blocks from the cache.
FS_API int fs_keep_large_blocks() {
  return guarded([] {
    static auto* allocator = new KeepingAllocator();
    c10::SetCPUAllocator(allocator, 1);
  });
}

FS_API void fs_drop_kept_blocks() { cache().drop_all(); }

FS_API int64_t fs_kept_bytes() { return cache().kept(); }
