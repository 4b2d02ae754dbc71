// Nothing is allocated while a frame runs, on any thread: every way to memory is counted.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "engine/ops/ops.h"
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

#if EDGESKIP_COUNT_ALLOCATIONS
namespace {

// The two source positions and weights of each position of an axis that becomes half as long.
std::vector<int32_t> halved_axis(int size) {
  std::vector<int32_t> axis;
  for (int i = 0; i < size; ++i) axis.insert(axis.end(), {2 * i, 2 * i + 1, 1024, 1024});
  return axis;
}

// Camera pictures, resized and taken in by a gate: nothing is allocated once two were seen.
void test_pictures_allocate_nothing(int threads) {
  const int height = 100, width = 200;
  Plan plan;
  const int y = plan.add_tensor(plan.add_buffer(height, width, 3), 0, 3), mask = plan.add_mask(height, width);
  add_gate(plan, "frame", {-1, y, mask, "l2", 0.02f, 0.01f, 5});
  const Engine engine(plan, {threads, "auto"});
  Stream stream(engine);
  const std::vector<int32_t> columns = halved_axis(width), rows = halved_axis(height);
  PictureRules rules;
  rules.columns = columns.data(), rules.rows = rows.data(), rules.width = width, rules.height = height;
  std::fill_n(rules.scale, 3, 1.0f / 255.0f);
  std::vector<uint8_t> bytes(size_t{12} * height * width, 50);
  for (int frame = 0; frame < 8; ++frame) {
    if (frame == 5) stream.reset();
    const long before = allocations;
    stream.offer_picture(0, {bytes.data(), 6 * width, 2 * height, 2 * width}, rules);
    stream.run(0, 1);
    const long made = allocations - before;
    expect(frame < 2 || made == 0, "frame %d of pictures made %ld allocations", frame, made);
    expect(frame == 0 ? made > 0 : stream.mask_count(mask) < height * width || frame == 5,
           "frame %d opened %lld pixels", frame, static_cast<long long>(stream.mask_count(mask)));
    std::fill_n(bytes.begin() + 900 * frame, 9000, static_cast<uint8_t>(60 + 20 * frame));
  }
}

}  // namespace
#endif

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
    test_pictures_allocate_nothing(threads);
  }
#endif
}

}  // namespace edgeskip::testing
