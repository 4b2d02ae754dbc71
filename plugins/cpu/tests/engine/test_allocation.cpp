// Nothing is allocated while a frame runs, on any thread: every way to memory is counted.
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests.h"

#ifdef EDGESKIP_COUNT_ALLOCATIONS
// chosen by the build
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define EDGESKIP_COUNT_ALLOCATIONS 0  // these bring an allocator of their own
#else
#define EDGESKIP_COUNT_ALLOCATIONS 1
#endif

#if EDGESKIP_COUNT_ALLOCATIONS
namespace {
std::atomic<long> allocations{0};
}

// Under glibc a program may define malloc and its kin; operator new ends here too.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

void* malloc(size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, bytes);
}
int posix_memalign(void** memory, size_t alignment, size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  *memory = __libc_memalign(alignment, bytes);
  return *memory || !bytes ? 0 : 12;
}
void free(void* memory) { __libc_free(memory); }
}
#endif

namespace edgeskip::testing {

void test_allocation() {
#if EDGESKIP_COUNT_ALLOCATIONS
  const int height = 48, width = 136;
  const Network network = make_network(height, width, 2);
  for (const int threads : {1, 3}) {
    report().context = "allocation on " + std::to_string(threads) + " threads";
    long before = allocations;
    const Engine engine(network.plan, {threads, "auto", 0, 0});
    Stream stream(engine);
    expect(allocations > before, "the counter counts");
    for (int index = 0; index < 4; ++index) {
      const std::vector<float> picture = make_picture(height, width, index);
      stream.profile = index % 2;
      before = allocations;
      stream.write(network.picture, picture.data());
      stream.run(0, network.ops);
      const long made = allocations - before;
      expect(made == 0, "frame %d made %ld allocations", index, made);
    }
    before = allocations;
    stream.reset();
    stream.run(0, network.ops);
    const long made = allocations - before;
    expect(made == 0, "reset made %ld allocations", made);
  }
#endif
}

}  // namespace edgeskip::testing
