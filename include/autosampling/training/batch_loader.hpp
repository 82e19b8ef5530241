// Batches of examples on the device that trains.
//
// Letters: n indices, B batch, C channels, H height, W width.
#pragma once

#include "autosampling/base/names.hpp"
#include "autosampling/base/random.hpp"
#include "autosampling/data/split.hpp"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace autosampling {

// Where batches are made. On the host, for a CPU; on the device, where the whole data set lies; or on the host while
// the device is busy with earlier ones. Each way makes the same floats, bit for bit.
enum class Batches { host, resident, streamed };
constexpr auto names_of(Batches) {
    return std::array{"host", "resident", "streamed"};
}

struct Batch {
    at::Tensor examples; // (B, shape) f32; images (B, C, H, W), channels-last
    at::Tensor wanted;   // (B) i64 classes, or (B, targets) f32
};

// Examples in the order in which they are wanted.
struct Wanted {
    const ExampleSet& set;
    const Part& part;                       // whose rows the set has
    std::span<const std::uint32_t> indices; // (n) of the part
    std::optional<RandomKey> augmentation;  // none: nothing is changed at random; the slot is the place in `indices`
};

class BatchLoader {
  public:
    virtual ~BatchLoader() = default;

    // From now on batches are of these, which must live until the last of them was made.
    virtual void begin(const Wanted& wanted) = 0;
    // What a batch of `size` of them, from place `first` on, is made of, on the device or on its way there; the first
    // dimension of each tensor is the batch's. A later call may overwrite it.
    virtual std::vector<at::Tensor> parts(std::size_t first, std::size_t size) = 0;
    // The batch that is made of some; of parts on the device without a look at the host, and maybe a view of them.
    virtual Batch make(const std::vector<at::Tensor>& parts) const = 0;

    Batch batch(std::size_t first, std::size_t size) { return make(parts(first, size)); }
};

// Batches of up to `largest` examples. The data set must outlive it. With another of the same arguments it shares the
// images that lie on the device.
std::unique_ptr<BatchLoader> make_batch_loader(Batches kind, const Dataset& dataset, std::int64_t largest,
                                               at::Device device, const BatchLoader* other = nullptr);

// What a data set takes on a device that holds it, in bytes; none where it can't: only images in memory can.
std::optional<std::int64_t> resident_bytes(const Dataset& dataset);

} // namespace autosampling
