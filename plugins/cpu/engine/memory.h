// Aligned memory that is taken once, and an arena that hands out parts of it.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace edgeskip {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{1} << 21;

// Under the address sanitizer a gap behind each part of an arena shows who writes past its part.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kGap = kAlignment;
inline void open_part(void* begin, size_t bytes) { ASAN_UNPOISON_MEMORY_REGION(begin, bytes); }
inline void close_gap(void* begin) { ASAN_POISON_MEMORY_REGION(begin, kGap); }
#else
constexpr size_t kGap = 0;
inline void open_part(void*, size_t) {}
inline void close_gap(void*) {}
#endif

inline size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Bytes that Arena::take<T>(count) uses.
template <class T>
size_t arena_bytes(int64_t count) {
  return aligned(sizeof(T) * static_cast<size_t>(count)) + kGap;
}

// A block of memory on a cache line's boundary; not initialised.
class AlignedMemory {
 public:
  AlignedMemory() = default;
  explicit AlignedMemory(size_t bytes) : bytes_(aligned(bytes)) {
    // Scattered pixels lie on a page each: with small pages the search for the page costs more than the row.
    const bool large = bytes_ >= kHugePage;
    void* memory = nullptr;
    if (bytes_ && posix_memalign(&memory, large ? kHugePage : kAlignment, bytes_)) throw std::bad_alloc();
    memory_.reset(static_cast<unsigned char*>(memory));
#ifdef MADV_HUGEPAGE
    if (large) madvise(memory, bytes_, MADV_HUGEPAGE);  // a wish: nothing depends on it
#endif
  }

  unsigned char* data() const { return memory_.get(); }
  size_t bytes() const { return bytes_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(memory_.get());
  }

 private:
  struct Free {
    void operator()(unsigned char* memory) const { std::free(memory); }
  };
  size_t bytes_ = 0;
  std::unique_ptr<unsigned char, Free> memory_;
};

// Hands out parts of a block in order; copied by value, so that a copy's end gives its parts back.
class Arena {
 public:
  Arena(unsigned char* begin, size_t bytes) : next_(begin), end_(begin + bytes) {}

  template <class T>
  T* take(int64_t count) {
    T* part = reinterpret_cast<T*>(next_);
    next_ += arena_bytes<T>(count);
    assert(next_ <= end_);
    open_part(part, sizeof(T) * static_cast<size_t>(count));
    close_gap(next_ - kGap);
    return part;
  }

 private:
  unsigned char* next_;
  [[maybe_unused]] unsigned char* end_;
};

}  // namespace edgeskip
