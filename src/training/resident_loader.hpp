// Batches of images that lie on the device.
//
// Letters: n indices, B batch, C channels, H height, W width.
#pragma once

#include "autosampling/training/batch_loader.hpp"

#include <ATen/core/Tensor.h>

#include <map>

namespace autosampling {

// Makes batches by the device's operations on whole numbers. What is drawn for all of them, rows, classes and crops,
// travels there once, in `begin`. A copy shares the images, and begins anew. On a GPU this has not been run.
class ResidentLoader : public BatchLoader {
  public:
    // Copies the images there.
    ResidentLoader(const Dataset& dataset, at::Device device);

    void begin(const Wanted& wanted) override;
    std::vector<at::Tensor> parts(std::size_t first, std::size_t size) override; // (B, columns) i64
    Batch make(const std::vector<at::Tensor>& parts) const override;

  private:
    // Images on the device, as their source has them.
    struct Images {
        at::Tensor pixels;  // (n·H·W + 1, C) u8, the last one black
        at::Tensor black;   // (1) i64: the place of that
        at::Tensor table;   // (C·256) f32: the normalised value of each pixel value
        at::Tensor targets; // (n, targets) f32; undefined where classes are predicted
        bool crops = false;
    };
    static Images copy_to(at::Device device, const ExampleSet& set, const DatasetFacts& facts);

    at::Device device_;
    std::map<const ExampleSet*, Images> sets_;
    at::Tensor y_, x_;   // (1, H, 1) and (1, 1, W) i64
    at::Tensor channel_; // (C) i32: where each channel's part of the table begins
    const Images* images_ = nullptr;
    at::Tensor placed_; // (n, columns) i64: what was begun
};

} // namespace autosampling
