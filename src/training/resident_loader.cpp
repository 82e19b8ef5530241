#include "resident_loader.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/narrow.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

namespace autosampling {
namespace {

using at::Tensor;

enum Column : std::int64_t { row, label, top, left, flip, columns };

} // namespace

ResidentLoader::Images ResidentLoader::copy_to(at::Device device, const ExampleSet& set, const DatasetFacts& facts) {
    const auto copy = [&](std::span<const float> values, const std::vector<std::int64_t>& lengths) {
        return at::from_blob(const_cast<float*>(values.data()), lengths, at::kFloat)
            .to(device, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
    };
    const auto images = set.source->pixels();
    EXPECT(images);
    const std::int64_t channels = facts.shape.channels(), count = std::ssize(images->values) / channels;
    Images resident;
    resident.pixels = at::zeros({count + 1, channels}, at::TensorOptions(at::kByte).device(device));
    resident.pixels.narrow(0, 0, count)
        .copy_(at::from_blob(const_cast<std::uint8_t*>(images->values.data()), {count, channels}, at::kByte));
    resident.black = at::full({1}, count, at::TensorOptions(at::kLong).device(device));
    resident.table = copy(images->table, {std::ssize(images->table)});
    if (facts.is_regression()) resident.targets = copy(set.targets, {narrow<std::int64_t>(set.rows), facts.targets});
    resident.crops = images->crops;
    return resident;
}

ResidentLoader::ResidentLoader(const Dataset& dataset, at::Device device) : device_(device) {
    const Shape& shape = dataset.facts.shape;
    const at::TensorOptions numbers = at::TensorOptions(at::kLong).device(device);
    y_ = at::arange(shape.height(), numbers).view({1, -1, 1});
    x_ = at::arange(shape.width(), numbers).view({1, 1, -1});
    for (const ExampleSet* set : {&dataset.training, &dataset.test})
        if (set->rows > 0) sets_[set] = copy_to(device, *set, dataset.facts);
    const Tensor& table = sets_.at(&dataset.training).table;
    channel_ = at::arange(shape.channels(), numbers.dtype(at::kInt)) * (table.numel() / shape.channels());
}

void ResidentLoader::begin(const Wanted& wanted) {
    images_ = &sets_.at(&wanted.set);
    const auto count = std::ssize(wanted.indices);
    const Tensor host = at::empty({count, columns}, at::TensorOptions(at::kLong).pinned_memory(device_.is_cuda()));
    auto write = host.accessor<std::int64_t, 2>();
    for (std::int64_t i = 0; i < count; ++i) {
        const std::uint32_t index = wanted.indices[to_size(i)];
        EXPECT(index < wanted.part.source.size());
        const bool crops = images_->crops && wanted.augmentation;
        const Crop crop = crops ? draw_crop(*wanted.augmentation, narrow<std::uint32_t>(i)) : Crop{};
        write[i][row] = wanted.part.source[index];
        write[i][label] = wanted.part.label[index];
        write[i][top] = crop.top;
        write[i][left] = crop.left;
        write[i][flip] = crop.flip;
    }
    placed_ = host.to(device_, /*non_blocking=*/true);
}

std::vector<Tensor> ResidentLoader::parts(std::size_t first, std::size_t size) {
    return {placed_.narrow(0, narrow<std::int64_t>(first), narrow<std::int64_t>(size))};
}

Batch ResidentLoader::make(const std::vector<Tensor>& parts) const {
    const Tensor& placed = parts.at(0);
    const std::int64_t count = placed.size(0), height = y_.numel(), width = x_.numel();
    const auto of_each = [&](Column which) { return placed.select(1, which).view({count, 1, 1}); };
    const auto& [pixels, black, table, targets, crops] = *images_;
    // The pixel that each place of the batch shows: a column, or its mirror, moved with the window.
    const Tensor y = y_ + of_each(top);                                           // (B, H, 1)
    const Tensor x = x_ + of_each(flip) * ((width - 1) - 2 * x_) + of_each(left); // (B, 1, W)
    const Tensor inside = (y >= 0) & (y < height) & (x >= 0) & (x < width);       // (B, H, W)
    const Tensor pixel = (of_each(row) * height + y) * width + x;                 // (B, H, W)
    const Tensor shown = at::where(inside, pixel, black).flatten();               // (B·H·W)
    const Tensor values = pixels.index_select(0, shown).to(at::kInt);             // (B·H·W, C)
    const Tensor examples = table.index_select(0, (values + channel_).flatten());
    return {examples.view({count, height, width, pixels.size(1)}).permute({0, 3, 1, 2}),
            targets.defined() ? targets.index_select(0, placed.select(1, row)) : placed.select(1, label)};
}

} // namespace autosampling
