// Batches: gather, crop, flip and normalise in one pass.
//
// Letters: B batch, H height, W width, C channels.
#pragma once

#include "autosampling/base/random.hpp"
#include "autosampling/data/dataset.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace autosampling {

enum class Augmentation { none, crop_flip };

// The random choices for one image.
struct Crop {
    int top = 0;       // −4 … 4: rows that the window moves down
    int left = 0;      // −4 … 4
    bool flip = false; // left to right
};

// Zero padding of 4, a window of the image's own size, a flip at even odds: a pure function of (key, slot), where key
// has the purpose `augmentation`, and slot is the place in the member's sub-schedule.
Crop draw_crop(const RandomKey& key, std::uint32_t slot);

// Turns rows of an ImageSet into normalised float batches. The padding is black before normalisation, as in
// torchvision.
class BatchMaker {
  public:
    // `mean` and `std` (C) of pixels in 0…1. The images must outlive it.
    BatchMaker(const ImageSet& images, const ImageShape& shape, std::span<const double> mean,
               std::span<const double> std);

    // rows (B): rows of the images; crops (B), or empty for none; out (B, H, W, C) f32. Local.
    void fill(std::span<const std::uint32_t> rows, std::span<const Crop> crops, std::span<float> out) const;

  private:
    ImageSet images_;
    ImageShape shape_;
    std::vector<float> table_; // (C, 256): normalised value of each pixel value
};

} // namespace autosampling
