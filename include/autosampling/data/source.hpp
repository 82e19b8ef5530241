// Where batches come from: a source reads, augments and normalises examples.
//
// Letters: n examples of a file, B batch, H height, W width, C channels.
#pragma once

#include "autosampling/base/random.hpp"
#include "autosampling/data/facts.hpp"
#include "autosampling/data/options.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace autosampling {

// The random choices for a batch: those for its example b are a function of key (purpose `augmentation`) and slot
// first_slot + b, its place in the member's sub-schedule.
struct AugmentationDraws {
    RandomKey key;
    std::uint32_t first_slot = 0;
};

// Images in memory, for a device that makes batches of its own.
struct Pixels {
    std::span<const std::uint8_t> values; // (n, H, W, C) u8
    std::span<const float> table;         // (C, 256) f32: the normalised value of each pixel value
    bool crops = false;                   // under crop_flip
};

// The examples of one file.
class Source {
  public:
    virtual ~Source() = default;

    // rows (B): rows of the file, in any order and number; out (B, shape) f32, normalised. Without `draws` no example
    // is changed at random, nor is it where the data set's augmentation is none. Local.
    virtual void fill(std::span<const std::uint32_t> rows, const std::optional<AugmentationDraws>& draws,
                      std::span<float> out) = 0;

    // Says which rows will be wanted soon, so that they can be read ahead. Local.
    virtual void expect(std::span<const std::uint32_t>) {}

    // What it makes batches of, where that is images in memory.
    virtual std::optional<Pixels> pixels() const { return std::nullopt; }
};

// The random choices for one image under crop_flip.
struct Crop {
    int top = 0;       // −4 … 4: rows that the window moves down
    int left = 0;      // −4 … 4
    bool flip = false; // left to right
};

// Zero padding of 4, a window of the image's own size, a flip at even odds.
Crop draw_crop(const RandomKey& key, std::uint32_t slot);

// Images in memory (n, H, W, C) u8, which must outlive it; shape, mean and std are those of `facts`. The padding is
// black before normalisation, as in torchvision.
std::unique_ptr<Source> make_image_source(std::span<const std::uint8_t> images, const DatasetFacts& facts,
                                          Augmentation augmentation);

// Real numbers in memory (n, shape), which must outlive it.
std::unique_ptr<Source> make_array_source(std::span<const float> examples, const DatasetFacts& facts);

} // namespace autosampling
