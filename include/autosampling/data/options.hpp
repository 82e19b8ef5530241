// [data]: which images, and what is done to them.
#pragma once

#include "autosampling/base/names.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace autosampling {

enum class Augmentation { none, crop_flip, resized_crop };
constexpr auto names_of(Augmentation) {
    return std::array{"none", "crop-flip", "resized-crop"};
}

struct DataOptions {
    std::string name = "mnist";               // one of dataset_names
    std::string path;                         // folder that holds the files; not for synthetic
    std::string signals;                      // HDF5 file with columns of the user's own; for exploration.signals
    std::string stage;                        // folder on a disk of each node's own, to copy the files to; empty: none
    bool keep_staged = false;                 // leaves the copies there
    std::vector<double> mean;                 // per channel, of pixels in 0…1; empty: the data set's own
    std::vector<double> std;                  // likewise
    std::int64_t seed = -1;                   // of the split, label noise and synthetic images; −1: run.seed
    std::int64_t reward_images = 0;           // held out of training; 0: a tenth of the training file
    std::int64_t reward_images_per_cycle = 0; // 0: all; else a subset redrawn every cycle
    std::string reward_rows;                  // file that lists the reward examples' rows; empty: drawn
    std::string reward_path;                  // arrays, packed: file that holds the reward examples
    std::int64_t test_images = 0;             // held out for tests where there is no test file; 0: a tenth
    bool standardise = false;                 // arrays: mean and std are those of the training file
    bool train_on_reward = false;             // the reward examples are trained on, too: nothing is held out then
    Augmentation augmentation = Augmentation::none;
    double label_noise = 0;        // fraction of the training labels that is redrawn
    double reward_label_noise = 0; // likewise of the reward set's
    double imbalance = 1;          // most frequent : rarest class of the training part, exponential between

    // packed only
    std::int64_t image_size = 224;   // height and width that pictures are cut to
    std::int64_t decode_threads = 1; // of each rank

    // synthetic only
    std::int64_t synthetic_images = 10000; // training file; the test file has a fifth of it
    std::int64_t synthetic_size = 32;      // height and width, pixels
    std::int64_t synthetic_channels = 3;
    std::int64_t synthetic_classes = 10;
};

} // namespace autosampling
